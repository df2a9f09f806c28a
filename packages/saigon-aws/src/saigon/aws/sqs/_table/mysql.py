"""MySQL and MariaDB: many rows in a statement, which says nothing of what it left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Dialect, Row

from saigon.aws.sqs._table.clash import UniqueClashError
from saigon.aws.sqs._table.columns import of_each_column
from saigon.aws.sqs._table.literals import Literals, in_chunks, keeps_all, statement_bytes
from saigon.aws.sqs._table.mysql_statements import (
    inserting,
    inserting_many,
    reading,
    reading_many,
    update_if_older,
)
from saigon.aws.sqs._table.on_conflict import execute_rows
from saigon.aws.sqs._table.rows import Identity, Values, comparables, grouped_by_names, identities
from saigon.aws.sqs._table.table_write import TableWrite
from saigon.aws.sqs.config import OnConflict
from saigon.aws.sqs.exceptions import MessageRejectedError
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import DbExecutionError

__all__ = ["write_and_read_back"]

_KEYS_BY_THEMSELVES: Final = 100
_MIXED_COLLATIONS: Final = frozenset({1267, 1270, 1271})
"""What the server says of a text that it can not convert to the column's characters."""


def write_and_read_back(connector: DbConnector, write: TableWrite, rows: Sequence[Values]) -> int:
    """Write rows; return how many are new or newer.

    What is not stored is inserted. Where that clashes, and where a row is newer than the stored
    one, the server is told what to do with a duplicate, and the rows are read back.

    Raises:
        MessageRejectedError: A row clashed on another unique key, or its key was altered.
    """
    _refuse_zero(connector, write, rows)
    writer = _Writer(connector, write, Literals(connector))
    if write.on_conflict is OnConflict.ERROR:
        writer.insert(rows)
        return len(rows)
    wanted = dict(zip(identities(rows, write.key), rows, strict=True))
    before = writer.stored(wanted)
    newer = {key: row for key, row in wanted.items() if _is_newer(write, key, row, before)}
    absent = {key: row for key, row in newer.items() if key not in before}
    if not writer.inserts(list(absent.values())):
        writer.upsert(newer)
        return len(newer)
    if not writer.keeps(list(absent)):
        writer.read_back(absent)
    if len(newer) > len(absent):
        writer.upsert({key: row for key, row in newer.items() if key in before})
    return len(newer)


def _refuse_zero(connector: DbConnector, write: TableWrite, rows: Sequence[Values]) -> None:
    """Refuse 0 where the server gives the next number instead, and it is not read back.

    Without a proxy, saigon.orm sets NO_AUTO_VALUE_ON_ZERO.
    """
    column = write.table.autoincrement_column
    if connector.proxy is None or column is None:
        return
    is_read_back = column.key in write.key and write.on_conflict is not OnConflict.ERROR
    if not is_read_back and any(row.get(column.key) == 0 for row in rows):
        raise MessageRejectedError(f"{column.key} is 0, which stands for the next number")


def _is_newer(
    write: TableWrite, key: Identity, row: Values, stored: Mapping[Identity, Any]
) -> bool:
    """Tell whether a row is not stored, or only in an older version."""
    if key not in stored:
        return True
    if write.newer_by is None:
        return False
    return stored[key] is None or bool(write.version(row) > stored[key])


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes and reads in as few statements as their size allows."""

    connector: DbConnector
    write: TableWrite
    literals: Literals

    @property
    def _dialect(self) -> Dialect:
        return self.connector.engine.dialect

    def inserts(self, rows: Sequence[Values]) -> bool:
        """Insert rows; tell whether all of them could be, as another worker may have been first."""
        try:
            self.insert(rows)
        except DbExecutionError as error:
            if error.kind != "unique":
                raise
            return False
        return True

    def insert(self, rows: Sequence[Values], *, upsert: bool = False) -> None:
        """Insert rows; where wanted, update those that a unique key of theirs clashes with."""
        for group in grouped_by_names(rows, keeps_order=self.write.keeps_order):
            self._insert_group(tuple(group[0]), group, upsert=upsert)

    def _insert_group(
        self, names: tuple[str, ...], rows: Sequence[Values], *, upsert: bool
    ) -> None:
        texts = None if self._makes_values(names) else self._tuples(names, rows)
        if texts is not None:
            statement = inserting_many(self.write, names, self._dialect, upsert=upsert)
            statement.execute(self.connector, texts)
            return
        statement_for_one = inserting(self.write, names, upsert=upsert)
        # As Python shows it a row may be smaller than it is sent.
        for chunk in in_chunks(rows, _shown_size, statement_bytes(self.connector) * 2 // 3):
            execute_rows(self.connector, statement_for_one, chunk)

    def _makes_values(self, names: Sequence[str]) -> bool:
        """Tell whether SQLAlchemy gives a value to a column that is left out."""
        columns = self.write.table.columns
        return any(column.default is not None for column in columns if column.key not in names)

    def _tuples(self, names: Sequence[str], rows: Sequence[Values]) -> list[str] | None:
        """Return these values of each row as a literal; None where SQL processes some."""
        texts = of_each_column(self.write.table, names, rows, self.literals.of)
        if texts is None:
            return None
        return [f"({','.join(row)})" for row in zip(*texts, strict=True)]

    def upsert(self, rows: Mapping[Identity, Values]) -> None:
        """Insert or update rows, and see to it that they are there.

        Raises:
            MessageRejectedError: One is not.
        """
        self.insert(list(rows.values()), upsert=True)
        after = self.read_back(rows)
        for key, row in rows.items():
            if _is_newer(self.write, key, row, after):
                self.connector.execute(update_if_older(self.write, row))

    def read_back(self, rows: Mapping[Identity, Values]) -> dict[Identity, Any]:
        """Return the stored keys of rows with their versions.

        Raises:
            MessageRejectedError: One is not there.
        """
        after = self.stored(rows, current=True)
        if any(key not in after for key in rows):
            raise UniqueClashError("a clash on another unique key, or a key that was altered")
        return after

    def keeps(self, keys: Sequence[Identity]) -> bool:
        """Tell whether the keys are of types that are stored as they are, or refused."""
        columns = [self.write.table.columns[name] for name in self.write.key]
        return all(
            keeps_all(column.type.dialect_impl(self._dialect), [key[place] for key in keys])
            for place, column in enumerate(columns)
        )

    def stored(
        self, wanted: Mapping[Identity, Values], *, current: bool = False
    ) -> dict[Identity, Any]:
        """Return the keys that are stored, with their versions.

        Args:
            wanted: The keys and their rows.
            current: See what is in no snapshot of the transaction, too: a plain read misses rows
                that another worker has just written.
        """
        try:
            rows = self._stored_rows(wanted, current=current)
        except DbExecutionError as error:
            if error.error_code not in _MIXED_COLLATIONS:
                raise
            rows = None
        if rows is None:  # outside of the block: the driver's error may quote values
            raise MessageRejectedError("a key with a character that its column can not hold")
        columns = [comparables(values) for values in zip(*rows, strict=True)]
        keys = zip(*columns[: len(self.write.key)], strict=True)
        return dict(zip(keys, columns[-1], strict=True)) if columns else {}

    def _stored_rows(
        self, wanted: Mapping[Identity, Values], *, current: bool
    ) -> list[Row[Any]] | None:
        texts = self._tuples(self.write.key, list(wanted.values()))
        if texts is None:
            return self._rows_of(list(wanted), current=current)
        statement = reading_many(self.write, self._dialect, current=current)
        return statement.execute(self.connector, texts)

    def _rows_of(self, keys: Sequence[Identity], *, current: bool) -> list[Row[Any]]:
        rows: list[Row[Any]] = []
        for start in range(0, len(keys), _KEYS_BY_THEMSELVES):
            chunk = keys[start : start + _KEYS_BY_THEMSELVES]
            statement = reading(self.write, chunk, current=current)
            rows += self.connector.execute(statement).rows
        return rows


def _shown_size(row: Values) -> int:
    return len(str(row).encode(errors="surrogatepass"))
