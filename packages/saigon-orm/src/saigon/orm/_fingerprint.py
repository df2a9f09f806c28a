"""What a page token is bound to, written alike by each process and each server."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python
from sqlalchemy import Dialect, Select
from sqlalchemy.sql.compiler import SQLCompiler

from saigon.model import QueryDataParams
from saigon.orm._keyset import Order

__all__ = ["query_fingerprint"]


def query_fingerprint(
    select: Select[Any],
    orders: Sequence[Order],
    params: QueryDataParams[Any],
    dialect: Dialect,
    caller: str | None,
) -> str:
    """Return what a page token is bound to: statement, filters, order, selection and caller."""
    ordered: Any = select.order_by(*(order.expression() for order in orders))
    dialect_class: Any = type(dialect)
    compiled: SQLCompiler = ordered.compile(dialect=_unconnected(dialect_class))
    carried = [order.carried.__visit_name__ for order in orders]
    selection = params.selection
    chosen = selection.model_dump() if isinstance(selection, BaseModel) else selection
    return json.dumps([str(compiled), carried, _values(compiled), _settled(chosen), caller])


@lru_cache
def _unconnected(make_dialect: Callable[..., Dialect]) -> Dialect:
    # A dialect writes some things differently once it has met its server, and each driver has
    # signs of its own for parameters.
    return make_dialect(paramstyle="named")


def _values(compiled: SQLCompiler) -> list[Any]:
    # Whoever gave a set to ``in_`` finds a list here, in another order in each process.
    unordered = {name for name, bind in compiled.binds.items() if bind.expanding}
    settled = ((name, _settled(value)) for name, value in sorted(compiled.params.items()))
    return [
        sorted(value, key=json.dumps) if name in unordered else value for name, value in settled
    ]


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
            return to_jsonable_python(value, bytes_mode="base64", fallback=repr)
