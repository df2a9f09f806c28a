"""Rows as the values of columns: grouped, sorted, and told apart."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

__all__ = [
    "Identity",
    "Values",
    "comparable",
    "comparables",
    "grouped_by_names",
    "identities",
    "sorted_rows",
]

Values = Mapping[str, Any]
Identity = tuple[Any, ...]


def grouped_by_names(rows: Iterable[Values], *, keeps_order: bool) -> Iterator[list[Values]]:
    """Yield the rows in groups that have the same names, all of them or those in a row."""
    if keeps_order:
        yield from (list(group) for _, group in groupby(rows, frozenset[str]))
        return
    in_order: dict[tuple[str, ...], list[Values]] = {}
    for row in rows:
        in_order.setdefault(tuple(row), []).append(row)
    groups: dict[frozenset[str], list[Values]] = {}
    for names, group in in_order.items():
        groups.setdefault(frozenset(names), []).extend(group)
    yield from groups.values()


def sorted_rows(rows: Iterable[Values], key: Sequence[str]) -> list[Values]:
    """Return the rows in an order that is the same for every worker, whatever the types."""
    if len(key) == 1:
        name = key[0]
        return sorted(rows, key=lambda row: str(row.get(name)))
    return sorted(rows, key=lambda row: [str(row.get(name)) for name in key])


def identities(rows: Sequence[Values], key: Sequence[str]) -> list[Identity]:
    """Return the rows' keys, in a form that can be compared with what a database gives back."""
    columns = (comparables([row[name] for row in rows]) for name in key)
    return list(zip(*columns, strict=True))


def comparables(values: Sequence[Any]) -> Sequence[Any]:
    """Return the values of a column in such a form."""
    if any(issubclass(kind, datetime) for kind in set(map(type, values))):
        return list(map(comparable, values))
    return values


def comparable(value: Any) -> Any:
    """Return an instant as MySQL gives it back: in UTC and without its offset."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value
