"""MySQL and MariaDB: many rows in a statement, which says nothing of what it left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Dialect, Row

from saigon.aws.sqs._table.columns import of_each_column
from saigon.aws.sqs._table.literals import Literals, in_chunks
from saigon.aws.sqs._table.mysql_statements import (
    reading_many,
    reading_these,
    update_if_older,
    upserting,
    upserting_many,
)
from saigon.aws.sqs._table.on_conflict import execute_rows
from saigon.aws.sqs._table.rows import Identity, Values, comparables, grouped_by_names, identities
from saigon.aws.sqs._table.table_write import TableWrite
from saigon.aws.sqs.config import OnConflict
from saigon.aws.sqs.exceptions import MessageRejectedError
from saigon.orm.connection import DbConnector

__all__ = ["write_and_read_back"]

_KEYS_BY_THEMSELVES: Final = 100
_BYTES_BY_THEMSELVES: Final = 10_000  # as Python shows them, which may be less than what is sent


def write_and_read_back(connector: DbConnector, write: TableWrite, rows: Sequence[Values]) -> int:
    """Write rows and look which are there then; return how many are new or newer.

    Raises:
        MessageRejectedError: A row clashed on another unique key.
    """
    writer = _Writer(connector, write, Literals(connector))
    if write.on_conflict is OnConflict.ERROR:
        writer.insert(rows)
        return len(rows)
    found = identities(rows, write.key)
    keys = writer.tuples(write.key, rows)
    before = writer.stored(found, keys, current=False)
    writer.insert(rows)
    after = writer.stored(found, keys, current=True)
    if any(identity not in after for identity in found):
        raise MessageRejectedError("a clash on another unique key, or a key that was altered")
    for row in _newer(write, found, rows, after):
        connector.execute(update_if_older(write, row))
    return len(_newer(write, found, rows, before))


@dataclass(frozen=True, slots=True)
class _Writer:
    """Inserts and reads in as few statements as their size allows."""

    connector: DbConnector
    write: TableWrite
    literals: Literals

    @property
    def dialect(self) -> Dialect:
        return self.connector.engine.dialect

    def insert(self, rows: Sequence[Values]) -> None:
        """Insert rows, or update what their unique keys clash with."""
        for group in grouped_by_names(rows):
            self._insert_group(tuple(group[0]), group)

    def _insert_group(self, names: tuple[str, ...], rows: Sequence[Values]) -> None:
        texts = None if self._makes_values(names) else self.tuples(names, rows)
        if texts is not None:
            upserting_many(self.write, names, self.dialect).execute(self.connector, texts)
            return
        statement = upserting(self.write, names)
        for chunk in in_chunks(rows, _shown_size, _BYTES_BY_THEMSELVES):
            execute_rows(self.connector, statement, chunk)

    def _makes_values(self, names: Sequence[str]) -> bool:
        """Tell whether SQLAlchemy gives a value to a column that is left out."""
        columns = self.write.table.columns
        return any(column.default is not None for column in columns if column.key not in names)

    def tuples(self, names: Sequence[str], rows: Sequence[Values]) -> list[str] | None:
        """Return these values of each row as a literal; None where SQL processes some."""
        texts = of_each_column(self.write.table, names, rows, self.literals.of)
        if texts is None:
            return None
        return [f"({','.join(row)})" for row in zip(*texts, strict=True)]

    def stored(
        self, found: Sequence[Identity], keys: Sequence[str] | None, *, current: bool
    ) -> dict[Identity, Any]:
        """Return the keys that are stored, with their versions; the keys are given in two forms."""
        rows: list[Row[Any]] = []
        if keys is not None:
            rows = reading_many(self.write, self.dialect, current=current).execute(
                self.connector, keys
            )
        else:
            for start in range(0, len(found), _KEYS_BY_THEMSELVES):
                chunk = found[start : start + _KEYS_BY_THEMSELVES]
                rows += self.connector.execute(
                    reading_these(self.write, chunk, current=current)
                ).rows
        columns = [comparables(values) for values in zip(*rows, strict=True)]
        identified = zip(*columns[: len(self.write.key)], strict=True)
        return dict(zip(identified, columns[-1], strict=True)) if columns else {}


def _shown_size(row: Values) -> int:
    return len(str(row).encode(errors="surrogatepass"))


def _newer(
    write: TableWrite,
    found: Sequence[Identity],
    rows: Sequence[Values],
    stored: Mapping[Identity, Any],
) -> list[Values]:
    """Return the rows that are not stored, or only in an older version."""
    return [
        row
        for identity, row in zip(found, rows, strict=True)
        if identity not in stored or _is_newer(write, row, stored[identity])
    ]


def _is_newer(write: TableWrite, row: Values, version: Any) -> bool:
    return write.newer_by is not None and (version is None or write.version(row) > version)
