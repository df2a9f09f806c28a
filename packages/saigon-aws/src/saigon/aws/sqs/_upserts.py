"""Write rows of one table so that each key has one effect, in the dialect's own way.

Traps that this avoids:
    An executemany takes its columns from the first row: rows are grouped by their names.
    ``ON CONFLICT DO NOTHING`` without a target swallows clashes on any unique key: it is targeted.
    ``INSERT IGNORE`` of MySQL truncates, clamps and drops in silence, and ``ON DUPLICATE KEY
    UPDATE`` fires on any unique key: the keys are read back in the same transaction.
    One key twice in a statement fails under DO UPDATE: rows are collapsed first.
    Unsorted upserts of two workers deadlock: rows are sorted by key.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Insert,
    Row,
    Table,
    Update,
    and_,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite

from saigon.aws.sqs.config import OnConflict
from saigon.aws.sqs.exceptions import MessageRejectedError
from saigon.aws.sqs.results import RowCounts
from saigon.orm.connection import DbConnector

Values = Mapping[str, Any]
Identity = tuple[Any, ...]

_KEYS_PER_SELECT: Final = 500


@dataclass(frozen=True, slots=True)
class TableWrite:
    """A table and how its rows are told apart."""

    table: Table
    key: tuple[str, ...]
    on_conflict: OnConflict
    newer_by: str | None = None
    defaulted: frozenset[str] = frozenset()
    """What a row may leave to its column's default; an update by such a row sets the default."""

    def updated(self, row: Values) -> list[str]:
        """Return the columns that a newer row sets: all of the message's but the key.

        A number that the database gave stays, unless the message brings one.
        """
        given = self.table.autoincrement_column
        reset = self.defaulted.difference(() if given is None else (given.key,))
        return sorted({*row, *reset}.difference(self.key))

    def identity(self, row: Values) -> Identity:
        """Return the row's key."""
        return tuple(_comparable(row[name]) for name in self.key)


def write_table_rows(
    connector: DbConnector, write: TableWrite, rows: Sequence[Values]
) -> RowCounts:
    """Write rows within the transaction that is open; count the new ones and the duplicates.

    Raises:
        MessageRejectedError: MySQL left a row out because of a clash on another unique key.
        DbExecutionError: The database refused a row or the statement.
    """
    if write.on_conflict is OnConflict.ERROR:
        _execute(connector, insert(write.table), sorted_rows(rows, write.key))
        return RowCounts(inserted=len(rows))
    kept = sorted_rows(_collapse(write, rows), write.key)
    upsert = _upsert_mysql if connector.dialect_name == "mysql" else _upsert_on_conflict
    inserted = upsert(connector, write, kept)
    return RowCounts(inserted=inserted, duplicates=len(rows) - inserted)


def grouped_by_names(rows: Iterable[Values]) -> Iterator[list[Values]]:
    """Yield the rows in groups that have the same names."""
    groups: dict[frozenset[str], list[Values]] = {}
    for row in rows:
        groups.setdefault(frozenset(row), []).append(row)
    yield from groups.values()


def sorted_rows(rows: Iterable[Values], key: Sequence[str]) -> list[Values]:
    """Return the rows in an order that is the same for every worker, whatever the types."""
    return sorted(rows, key=lambda row: tuple(str(row.get(name)) for name in key))


def _collapse(write: TableWrite, rows: Iterable[Values]) -> list[Values]:
    kept: dict[Identity, Values] = {}
    try:
        for row in rows:
            other = kept.setdefault(write.identity(row), row)
            if write.newer_by is not None and _version(write, row) > _version(write, other):
                kept[write.identity(row)] = row
    except TypeError:  # such as a number and a text; alone, each of them goes to the database
        raise MessageRejectedError("keys or versions that can not be compared") from None
    return list(kept.values())


def _execute(connector: DbConnector, statement: Insert, rows: Iterable[Values]) -> int:
    return sum(
        connector.execute(statement.inline(), [dict(row) for row in group]).rowcount
        for group in grouped_by_names(rows)
    )


def _upsert_on_conflict(connector: DbConnector, write: TableWrite, rows: Sequence[Values]) -> int:
    make = postgresql.insert if connector.dialect_name == "postgresql" else sqlite.insert
    return sum(
        _execute(connector, _on_conflict(make, write, group[0]), group)
        for group in grouped_by_names(rows)
    )


def _on_conflict(
    make: Callable[[Table], postgresql.Insert | sqlite.Insert], write: TableWrite, row: Values
) -> Insert:
    statement = make(write.table)
    key = [write.table.columns[name] for name in write.key]
    if write.newer_by is None:
        return statement.on_conflict_do_nothing(index_elements=key)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=key,
        set_={name: new[name] for name in write.updated(row)},
        where=_is_newer(write, new),
    )


def _is_newer(write: TableWrite, new: Any) -> ColumnElement[bool]:
    stored = write.table.columns[write.newer_by or ""]
    return or_(stored.is_(None), new[write.newer_by] > stored)


def _upsert_mysql(connector: DbConnector, write: TableWrite, rows: Sequence[Values]) -> int:
    identities = [write.identity(row) for row in rows]
    before = _stored(connector, write, identities)
    for group in grouped_by_names(rows):
        _execute(connector, _on_duplicate_key(write, group[0]), group)
    after = _stored(connector, write, identities, current=True)
    if any(identity not in after for identity in identities):
        raise MessageRejectedError("a clash on another unique key, or a key that was altered")
    for row in rows:
        if _is_newer_than(write, row, after):
            connector.execute(_update(write, row))
    return sum(_is_newer_than(write, row, before) for row in rows)


def _on_duplicate_key(write: TableWrite, row: Values) -> Insert:
    statement = mysql.insert(write.table)
    first = write.key[0]
    if write.newer_by is None:
        return statement.on_duplicate_key_update({first: write.table.columns[first]})
    new, stored = statement.inserted, write.table.columns
    # The key is compared because a clash on another unique key comes here too. The assignments
    # are made from left to right, so the version, which the condition reads, is the last one.
    same_key = [stored[name] == new[name] for name in write.key]
    wins = and_(*same_key, _is_newer(write, new))
    names = sorted(write.updated(row), key=lambda name: name == write.newer_by)
    return statement.on_duplicate_key_update(
        # VALUES() of a column that the row leaves out is its default; a row alias has no such name.
        [
            (
                name,
                getattr(func, "if")(
                    wins, new[name] if name in row else func.values(stored[name]), stored[name]
                ),
            )
            for name in names
        ]
    )


def _stored(
    connector: DbConnector,
    write: TableWrite,
    identities: Sequence[Identity],
    *,
    current: bool = False,
) -> dict[Identity, Any]:
    """Return the stored keys with their versions; ``current`` also sees what was not in a snapshot.

    A plain read of a repeatable-read transaction misses rows that another worker has just written.
    """
    columns = [write.table.columns[name] for name in write.key]
    version = [write.table.columns[write.newer_by]] if write.newer_by else []
    statement = select(*columns, *version)
    if current:
        statement = statement.with_for_update(read=True)
    found: dict[Identity, Any] = {}
    for start in range(0, len(identities), _KEYS_PER_SELECT):
        chunk = identities[start : start + _KEYS_PER_SELECT]
        where = (
            columns[0].in_([identity[0] for identity in chunk])
            if len(columns) == 1
            else tuple_(*columns).in_(chunk)
        )
        rows = connector.execute(statement.where(where)).rows
        found.update(_identified(row, len(columns)) for row in rows)
    return found


def _identified(row: Row[Any], width: int) -> tuple[Identity, Any]:
    return tuple(_comparable(value) for value in row[:width]), _comparable(row[-1])


def _is_newer_than(write: TableWrite, row: Values, stored: Mapping[Identity, Any]) -> bool:
    identity = write.identity(row)
    if identity not in stored:
        return True
    if write.newer_by is None:
        return False
    return stored[identity] is None or bool(_version(write, row) > stored[identity])


def _update(write: TableWrite, row: Values) -> Update:
    """Return what sets a row that is still older, and so brings the clash to light.

    ON DUPLICATE KEY takes the row of the first unique key that clashes, which need not be ours.
    """
    stored, version = write.table.columns, write.newer_by or ""
    same_key = [stored[name] == row[name] for name in write.key]
    is_older = or_(stored[version].is_(None), stored[version] < row[version])
    values = {name: value for name, value in row.items() if name not in write.key}
    return update(write.table).where(*same_key, is_older).values(values)


def _version(write: TableWrite, row: Values) -> Any:
    return _comparable(row[write.newer_by or ""])


def _comparable(value: Any) -> Any:
    """Return an instant as MySQL gives it back: in UTC and without its offset."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value
