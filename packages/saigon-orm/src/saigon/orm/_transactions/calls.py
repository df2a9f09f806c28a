"""Statements of MySQL that may hide a commit: they call something, or answer with rows.

A savepoint made before such a one is still there afterwards if the transaction is.

See Also:
    https://dev.mysql.com/doc/refman/8.4/en/implicit-commit.html
"""

import re
from contextlib import closing
from typing import Final

from sqlalchemy import Connection

__all__ = ["BLANKS", "is_call", "mark_call", "outlived_call"]

BLANKS: Final = r"(?:[\s;]|--[^\n]*|#[^\n]*|/\*.*?\*/)*+"
"""What may stand before a statement: spaces and comments."""

_CALL: Final = re.compile(
    BLANKS + r"(?:CALL|EXECUTE|BEGIN\s+NOT|SET\s+STATEMENT|ANALYZE|CACHE|CHECK|OPTIMIZE|REPAIR)\b",
    re.IGNORECASE | re.DOTALL,
)


def is_call(connection: Connection, statement: str) -> bool:
    """Tell whether a statement may hide a commit."""
    return connection.dialect.name in {"mysql", "mariadb"} and _CALL.match(statement) is not None


def mark_call(connection: Connection) -> None:
    """Set the mark, before the call."""
    _send(connection, "SAVEPOINT saigon_call")


def outlived_call(connection: Connection) -> bool:
    """Tell whether the mark is still there, and take it away."""
    try:
        _send(connection, "RELEASE SAVEPOINT saigon_call")
    except connection.dialect.loaded_dbapi.Error:
        return False
    return True


def _send(connection: Connection, statement: str) -> None:
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(statement)
