"""Columns of values as array literals of PostgreSQL, each value in the text that its driver sends.

A value of another type than those expected here is left to the driver: it has no literal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from types import NoneType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Dialect, types
from sqlalchemy.dialects import postgresql

from saigon.aws.sqs._table.columns import processed

__all__ = ["ArrayLiteral", "array_literal"]


@dataclass(frozen=True, slots=True)
class ArrayLiteral:
    """An array of one dimension."""

    element_type: str
    """Its name in SQL."""
    text: str


@dataclass(frozen=True, slots=True)
class _Elements:
    """How values of some types go into columns of some types."""

    impls: tuple[type[types.TypeEngine[Any]], ...]
    kinds: frozenset[type]
    text: Callable[[Any], str] = str
    name: str | None = None
    """The type that the driver gives them; without one, that to which SQLAlchemy casts them.

    No length or precision belongs to it: a cast would cut to it what an assignment refuses.
    """

    odd: str = ""
    """What a text has in it that the driver would send in another form."""

    def are(self, impl: types.TypeEngine[Any], kinds: set[type]) -> bool:
        """Tell whether values of these types in this column are such elements."""
        return isinstance(impl, self.impls) and kinds <= self.kinds


def _duration(value: timedelta) -> str:
    # The sign, because in one of its styles PostgreSQL takes the first one for all that follow.
    return f"{value.days} days +{value.seconds}.{value.microseconds:06} seconds"


_NUMERIC: Final = (types.Numeric, types.Float)


@lru_cache(maxsize=1)
def _all_elements() -> tuple[_Elements, ...]:
    # psycopg is there where PostgreSQL is: it comes with saigon-orm's extra.
    from psycopg import Binary
    from psycopg.types.json import Json, Jsonb, JsonDumper

    def json(value: Json) -> str:
        return bytes(JsonDumper(type(value)).dump(value) or b"").decode()

    return (
        _Elements((postgresql.ENUM,), frozenset({str})),
        _Elements((types.String,), frozenset({str}), name="TEXT"),
        _Elements((types.Boolean,), frozenset({bool})),
        _Elements((types.Integer,), frozenset({int})),
        _Elements(_NUMERIC, frozenset({Decimal, int}), name="NUMERIC", odd="NaN"),
        _Elements(_NUMERIC, frozenset({float}), name="DOUBLE PRECISION"),
        _Elements((types.LargeBinary,), frozenset({Binary}), lambda value: f"\\x{value.obj.hex()}"),
        _Elements((types.Uuid,), frozenset({UUID, str})),
        _Elements((types.DateTime,), frozenset({datetime}), datetime.isoformat),
        _Elements((types.Date,), frozenset({date})),
        _Elements((types.Time,), frozenset({time})),
        _Elements((postgresql.INTERVAL,), frozenset({timedelta}), _duration, "INTERVAL"),
        _Elements((types.JSON,), frozenset({Json, Jsonb}), json),
    )


def array_literal(
    column: Column[Any], given: Sequence[Any], dialect: Dialect
) -> ArrayLiteral | None:
    """Return the values of a column, as it processes them, in one array; None where it can not."""
    values = processed(column, given, dialect)
    if values is None:
        return None
    plain, kinds = _plain(column.type, dialect), set(map(type, values))
    elements = next((e for e in _all_elements() if e.are(plain, kinds - {NoneType})), None)
    if elements is None or _loses_offset(plain, values):
        return None
    text = (_with_nulls if NoneType in kinds else _without_nulls)(values, elements.text)
    if elements.odd and elements.odd in text:
        return None
    return ArrayLiteral(elements.name or plain.compile(dialect=dialect), text)


def _plain(kind: types.TypeEngine[Any], dialect: Dialect) -> types.TypeEngine[Any]:
    """Return the type of the values that a type's processor gives."""
    impl = kind.dialect_impl(dialect)
    while isinstance(impl, types.TypeDecorator):
        impl = impl.impl_instance.dialect_impl(dialect)
    return impl


def _loses_offset(impl: types.TypeEngine[Any], values: Sequence[Any]) -> bool:
    """Tell whether PostgreSQL would read over an offset, where a cast would apply it."""
    if getattr(impl, "timezone", True):
        return False
    return any(value.tzinfo is not None for value in values if value is not None)


def _with_nulls(values: Sequence[Any], text: Callable[[Any], str]) -> str:
    quoted = ("NULL" if value is None else f'"{_escaped(text(value))}"' for value in values)
    return f"{{{','.join(quoted)}}}"


def _without_nulls(values: Sequence[Any], text: Callable[[Any], str]) -> str:
    texts = list(map(text, values))
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') > 2 * (len(texts) - 1):
        joined = '","'.join(map(_escaped, texts))
    return f'{{"{joined}"}}'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
