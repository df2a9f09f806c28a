"""What a page token is bound to, written alike by each process and each server."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python
from sqlalchemy import BindParameter, Dialect, Select, SQLColumnExpression, Table
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.util import LRUCache

from saigon.model import QueryDataParams
from saigon.orm._pages.keyset import Order, keyset_order
from saigon.orm.exceptions import PaginationError

__all__ = ["Listing", "listing_of"]

_ANYTHING: Final[TypeAdapter[Any]] = TypeAdapter(Any)  # of models and dataclasses it makes dicts


@dataclass(frozen=True, slots=True)
class Listing:
    """A query and its order, as it is written and with the values in it."""

    orders: tuple[Order, ...]
    text: str
    values: Sequence[Any]

    def fingerprint(self, params: QueryDataParams[Any], caller: str | None) -> str:
        """Return what a token is bound to: statement, filters, order, selection and caller."""
        types = [order.column.type.__visit_name__ for order in self.orders]
        selection = _settled(_ANYTHING.dump_python(params.selection))
        return json.dumps([self.text, types, self.values, selection, caller])


# What was found out about a statement serves all that differ from it in values only.
_known: Final[LRUCache[Any, tuple[tuple[Order, ...], str]]] = LRUCache(500)


def listing_of(
    select: Select[Any], order_by: Sequence[SQLColumnExpression[Any]], dialect: Dialect
) -> Listing:
    """Return a listing, after a check that no row is lost in it.

    Raises:
        PaginationError: One could be.
    """
    shape = select.order_by(*order_by)._generate_cache_key()  # noqa: SLF001  # no public way
    if shape is None or getattr(shape, "params", None):  # values that are not in bindparams
        orders, compiled = _examined(select, order_by, dialect)
        return Listing(orders, str(compiled), _values(_binds_of(compiled)))
    key = (type(dialect), shape.key)
    found = _known.get(key)
    if found is None:
        orders, compiled = _examined(select, order_by, dialect)
        found = orders, str(compiled)
        # An alias that is made anew has the same shape, and yet columns of its own.
        if all(isinstance(order.column.table, Table) for order in orders):
            _known[key] = found
    return Listing(*found, _values((bind, bind.effective_value) for bind in shape.bindparams))


def _examined(
    select: Select[Any], order_by: Sequence[SQLColumnExpression[Any]], dialect: Dialect
) -> tuple[tuple[Order, ...], SQLCompiler]:
    orders = keyset_order(select, order_by, dialect)
    ordered: Any = select.order_by(*(order.expression() for order in orders))
    dialect_class: Any = type(dialect)
    return orders, ordered.compile(dialect=_unconnected(dialect_class))


@lru_cache
def _unconnected(make_dialect: Callable[..., Dialect]) -> Dialect:
    # A dialect writes some things differently once it has met its server.
    return make_dialect()


def _binds_of(compiled: SQLCompiler) -> Iterable[tuple[BindParameter[Any], Any]]:
    return ((compiled.binds[name], value) for name, value in sorted(compiled.params.items()))


def _values(binds: Iterable[tuple[BindParameter[Any], Any]]) -> list[Any]:
    # Whoever gave a set to ``in_`` finds a list here, in another order in each process.
    settled = ((bind, _settled(value)) for bind, value in binds)
    return [sorted(value, key=json.dumps) if bind.expanding else value for bind, value in settled]


def _settled(value: Any) -> Any:
    """Return a value as JSON has it, with what has no order of its own in one that is settled."""
    match value:
        case dict():
            items = ([_settled(key), _settled(item)] for key, item in value.items())
            return sorted(items, key=json.dumps)
        case list() | tuple():
            return list(map(_settled, value))
        case set() | frozenset():
            return sorted(map(_settled, value), key=json.dumps)
        case _:
            return to_jsonable_python(value, bytes_mode="base64", fallback=_repr)


def _repr(value: Any) -> str:
    if repr(value) == object.__repr__(value):
        raise PaginationError(
            f"a {type(value).__name__} in a filter or selection would not be known again: expected "
            "values that JSON has a form for, or with a __repr__ of their own"
        )
    return repr(value)
