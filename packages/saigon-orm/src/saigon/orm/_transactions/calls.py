"""Procedures of MySQL, which may commit and go on in another transaction.

A savepoint made before the call is still there afterwards if the transaction is.
"""

import re
from contextlib import closing
from typing import Final

from sqlalchemy import Connection

__all__ = ["is_call", "mark_call", "outlived_call"]

_CALL: Final = re.compile(r"\s*(?:CALL|EXECUTE|BEGIN\s+NOT)\b", re.IGNORECASE)


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
