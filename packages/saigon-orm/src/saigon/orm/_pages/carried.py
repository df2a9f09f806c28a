"""The values of order columns as a token carries them: exactly as the database compares them."""

from typing import Any, Final

from sqlalchemy import Dialect, types
from sqlalchemy.dialects import mysql

__all__ = ["carried_type"]

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
_SORTED_BYTES: Final = 1_024  # MySQL's max_sort_length: what follows does not count when sorting
_CHARACTER_BYTES: Final = 4  # that it reserves for each


def carried_type(declared: types.TypeEngine[Any], dialect: Dialect) -> types.TypeEngine[Any] | None:
    """Return the type by which a column's values are read for a token, and bound again.

    What a ``TypeDecorator`` makes of them is passed by, because the database does not order by
    it. ``None``: values of this type have no exact place in a token.

    See Also:
        https://mariadb.com/kb/en/server-system-variables/#max_sort_length
    """
    kind = _undecorated(declared, dialect)
    if isinstance(kind, _NOT_EXACT) or not isinstance(kind, _ORDERED):
        return None
    if dialect.name == "sqlite":
        return types.NULLTYPE  # what is stored, whoever wrote it and in whatever form
    if dialect.name in {"mysql", "mariadb"} and not _is_sorted_whole(kind):
        return None
    if isinstance(kind, types.Numeric) and not kind.asdecimal:
        return types.Numeric(kind.precision, kind.scale)
    return kind


def _undecorated(kind: types.TypeEngine[Any], dialect: Dialect) -> types.TypeEngine[Any]:
    kind = kind._variant_mapping.get(dialect.name, kind)  # noqa: SLF001  # no public way to ask
    # An Interval is a decorator where the database has none, and is refused as it is elsewhere.
    if isinstance(kind, types.TypeDecorator) and not isinstance(kind, types.Interval):
        return _undecorated(kind.load_dialect_impl(dialect), dialect)
    return kind


def _is_sorted_whole(kind: types.TypeEngine[Any]) -> bool:
    if isinstance(kind, types.String):
        return kind.length is not None and kind.length * _CHARACTER_BYTES <= _SORTED_BYTES
    if isinstance(kind, types.LargeBinary | types.BINARY | types.VARBINARY):
        return kind.length is not None and kind.length <= _SORTED_BYTES
    return True
