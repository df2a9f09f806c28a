"""Write the messages alone that an inbox has not seen, and let it remember them."""

import secrets
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Executable, Row, Table, bindparam, func, select
from sqlalchemy.dialects import postgresql

from saigon.aws.sqs._database.own_tables import insert_new
from saigon.aws.sqs._database.verdict import Verdict, verdict_on
from saigon.aws.sqs._database.writer import EntriesWriter, Entry
from saigon.aws.sqs.exceptions import StatementRefusedError
from saigon.aws.sqs.results import RowCounts
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import DbExecutionError

_CHUNK: Final = 500
_CHUNK_OF_MYSQL: Final = 64  # statements of more than 16 KiB pin a session of RDS Proxy


class InboxWriter:
    """Claims the digests of entries, and writes those whose claim succeeded.

    The claims are rows of the transaction, or savepoint, that the entries are written in, so that
    both are kept or neither is. Another worker's claim of the same digest waits for its end.
    """

    def __init__(self, table: Table, consumer: str, write: EntriesWriter) -> None:
        self._table = table
        self._consumer = consumer
        self._write = write

    def __call__(self, db_connector: DbConnector, entries: Sequence[Entry], /) -> RowCounts:
        firsts = {entry.digest: entry for entry in reversed(entries)}
        # Sorted, so that two workers take their locks in the same order.
        claimed = self._claim(db_connector, sorted(firsts))
        new = [e for e in entries if e.digest in claimed and firsts[e.digest] is e]
        counts = self._write(db_connector, new) if new else RowCounts()
        return counts + RowCounts(duplicates=_row_count(entries) - _row_count(new))

    def _claim(self, connector: DbConnector, digests: Sequence[bytes]) -> set[bytes]:
        """Return the digests that were in no row yet; each is in one afterwards."""
        claim = secrets.token_bytes(16)
        try:
            found = {
                row.digest: row.claim
                for chunk in _chunks(digests, connector.dialect_name)
                for row in self._insert(connector, chunk, claim)
            }
        except DbExecutionError as error:
            verdict = verdict_on(error, connector.dialect_name)
            if verdict in {Verdict.RETRY, Verdict.OUTAGE}:
                raise
            reason = str(error)
        else:
            if len(found) == len(digests):
                return {digest for digest, claimed_by in found.items() if claimed_by == claim}
            reason = "rows were not there after they were inserted"
        # Outside of the block: the driver's error may quote values. No message is to blame.
        raise StatementRefusedError(
            f"the inbox {self._table.name!r} can not be used: {reason}; "
            "inbox_table and inbox_ddl say how it is made"
        )

    def _insert(
        self, connector: DbConnector, digests: Sequence[bytes], claim: bytes
    ) -> Sequence[Row[Any]]:
        """Insert what is not there; return all of the digests with the claims that they have."""
        columns, dialect_name = self._table.columns, connector.dialect_name
        values = {"consumer": self._consumer, "claim": claim}
        if dialect_name == "postgresql":
            array = {"digests": list(digests), **values}
            new = connector.execute(_insert_array(self._table), array).rows
            if len(new) == len(digests):
                return new
        else:
            rows = [{"digest": digest, **values} for digest in digests]
            connector.execute(insert_new(self._table, ["digest"], dialect_name), rows)
        query = select(columns["digest"], columns["claim"]).where(columns["digest"].in_(digests))
        if dialect_name == "mysql":
            # A repeatable read would not see the row that another worker has just committed.
            query = query.with_for_update(read=True)
        return connector.execute(query).rows


def _insert_array(table: Table) -> Executable:
    columns = table.columns
    rows = select(
        func.unnest(bindparam("digests", type_=postgresql.ARRAY(postgresql.BYTEA))),
        bindparam("consumer", type_=columns["consumer"].type),
        bindparam("claim", type_=columns["claim"].type),
    )
    return (
        postgresql.insert(table)
        .from_select([columns["digest"], columns["consumer"], columns["claim"]], rows)
        .on_conflict_do_nothing(index_elements=[columns["digest"]])
        .returning(columns["digest"], columns["claim"])
    )


def _chunks(digests: Sequence[bytes], dialect_name: str) -> Iterator[Sequence[bytes]]:
    size = _CHUNK_OF_MYSQL if dialect_name == "mysql" else _CHUNK
    for start in range(0, len(digests), size):
        yield digests[start : start + size]


def _row_count(entries: Sequence[Entry]) -> int:
    return sum(len(entry.rows) for entry in entries)
