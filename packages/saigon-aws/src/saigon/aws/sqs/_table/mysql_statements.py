"""The statements of MySQL and MariaDB, for one row and with a gap for many."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect, Select, Update, and_, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.mysql import Insert, insert

from saigon.aws.sqs._table.literals import GAP, GappedStatement
from saigon.aws.sqs._table.on_conflict import is_newer
from saigon.aws.sqs._table.rows import Identity, Values
from saigon.aws.sqs._table.table_write import TableWrite

__all__ = ["inserting", "inserting_many", "reading", "reading_many", "update_if_older"]


def inserting(write: TableWrite, names: Sequence[str], *, upsert: bool) -> Insert:
    """Return what inserts a row with these names, or updates what it clashes with."""
    statement = insert(write.table)
    return _on_duplicate_key(statement, write, names) if upsert else statement


@lru_cache(maxsize=256)
def inserting_many(
    write: TableWrite, names: tuple[str, ...], dialect: Dialect, *, upsert: bool
) -> GappedStatement:
    """Return what inserts rows with these names, or updates what they clash with."""
    rows = text(f"VALUES {GAP}").columns()
    statement = insert(write.table).from_select(names, rows, include_defaults=False).inline()
    if upsert:
        statement = _on_duplicate_key(statement, write, names)
    return GappedStatement.of(statement, dialect)


def _on_duplicate_key(statement: Insert, write: TableWrite, names: Sequence[str]) -> Insert:
    new, stored = statement.inserted, write.table.columns
    first = write.key[0]
    if write.newer_by is None:
        return statement.on_duplicate_key_update({first: stored[first]})
    # The key is compared because a clash on another unique key comes here too. The assignments
    # are made from left to right, so the version, which the condition reads, is the last one.
    same_key = [stored[name] == new[name] for name in write.key]
    wins = and_(*same_key, is_newer(write, new))
    updated = sorted(write.updated(names), key=lambda name: name == write.newer_by)
    return statement.on_duplicate_key_update(
        # VALUES() of a column that the row leaves out is its default; a row alias has no such name.
        [
            (
                name,
                getattr(func, "if")(
                    wins, new[name] if name in names else func.values(stored[name]), stored[name]
                ),
            )
            for name in updated
        ]
    )


@lru_cache(maxsize=256)
def reading_many(write: TableWrite, dialect: Dialect, *, current: bool) -> GappedStatement:
    """Return what reads the rows of some keys."""
    key = _key(write)
    return GappedStatement.of(
        _reading(write, current=current).where(key.op("IN")(text(f"({GAP})"))), dialect
    )


def reading(write: TableWrite, found: Sequence[Identity], *, current: bool) -> Select[Any]:
    """Return what reads the rows of these keys."""
    values = found if len(write.key) > 1 else [identity[0] for identity in found]
    return _reading(write, current=current).where(_key(write).in_(values))


def _key(write: TableWrite) -> Any:
    columns = [write.table.columns[name] for name in write.key]
    return columns[0] if len(columns) == 1 else tuple_(*columns)


def _reading(write: TableWrite, *, current: bool) -> Select[Any]:
    """Read keys and versions; also, where current, what is in no snapshot of the transaction.

    A plain read of a repeatable-read transaction misses rows that another worker has just written.
    """
    names = [*write.key, *([write.newer_by] if write.newer_by else [])]
    statement = select(*(write.table.columns[name] for name in names))
    return statement.with_for_update(read=True) if current else statement


def update_if_older(write: TableWrite, row: Values) -> Update:
    """Return what sets a row that is still older, and so brings the clash to light.

    ON DUPLICATE KEY takes the row of the first unique key that clashes, which need not be ours.
    """
    stored, version = write.table.columns, write.newer_by or ""
    same_key = [stored[name] == row[name] for name in write.key]
    is_older = or_(stored[version].is_(None), stored[version] < row[version])
    values = {name: value for name, value in row.items() if name not in write.key}
    return update(write.table).where(*same_key, is_older).values(values)
