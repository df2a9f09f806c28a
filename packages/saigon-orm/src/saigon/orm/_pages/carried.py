"""Types of order columns: whether a token carries their values as the database compares them."""

import re
from typing import Any, Final

from sqlalchemy import Dialect, types
from sqlalchemy.dialects import mysql

__all__ = ["has_exact_order"]

_ORDERED: Final = (
    types.Integer,
    types.String,
    types.Numeric,
    types.DateTime,
    types.Date,
    types.Uuid,
    types.LargeBinary,
    types.BINARY,
    types.VARBINARY,
    types.Boolean,
)
# An Enum is ordered by its declaration where it is native, and compared as text on MySQL.
_NOT_EXACT: Final = (types.Float, types.Enum, mysql.SET)
# MySQL's max_sort_length: https://mariadb.com/kb/en/server-system-variables/#max_sort_length
_SORTED_BYTES: Final = 1_024
_CHARACTER_BYTES: Final = 4
# Three levels of eight weights for each character, of which MariaDB gives the first all the room
# in a longer column: there it sorts "a" and "A" as equal, and compares them as not.
_LEVELS_BYTES: Final = 48
_LEVELS: Final = re.compile(r"uca1400\w*_(as_cs|as_ci|ai_cs)")


def has_exact_order(declared: types.TypeEngine[Any], dialect: Dialect) -> bool:
    """Tell whether a column's values, as the driver has them, keep their order in a token."""
    kind = _undecorated(declared, dialect)
    if isinstance(kind, _NOT_EXACT) or not isinstance(kind, _ORDERED):
        return False
    return dialect.name not in {"mysql", "mariadb"} or _is_sorted_whole(kind)


def _undecorated(kind: types.TypeEngine[Any], dialect: Dialect) -> types.TypeEngine[Any]:
    kind = kind._variant_mapping.get(dialect.name, kind)  # noqa: SLF001  # no public way to ask
    # An Interval is a decorator where the database has none, and is refused as it is elsewhere.
    if isinstance(kind, types.TypeDecorator) and not isinstance(kind, types.Interval):
        return _undecorated(kind.load_dialect_impl(dialect), dialect)
    return kind


def _is_sorted_whole(kind: types.TypeEngine[Any]) -> bool:
    if isinstance(kind, types.String):
        has_levels = _LEVELS.search(kind.collation or "")
        width = _LEVELS_BYTES if has_levels else _CHARACTER_BYTES
        return kind.length is not None and kind.length * width <= _SORTED_BYTES
    if isinstance(kind, types.LargeBinary | types.BINARY | types.VARBINARY):
        return kind.length is not None and kind.length <= _SORTED_BYTES
    return True
