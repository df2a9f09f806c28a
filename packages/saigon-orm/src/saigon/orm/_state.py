"""What an error has cost: its statement, the work since a savepoint, or the transaction."""

from contextlib import closing
from enum import Enum, auto
from typing import Any, Final

from sqlalchemy import Connection

__all__ = ["Damage", "damage_of"]

_LOCK_WAIT_TIMEOUT: Final = 1205
# Deadlock, XA deadlock, and MariaDB's changed record under snapshot isolation.
_MYSQL_ROLLED_BACK: Final = frozenset({1213, 1614, 1020})


class Damage(Enum):
    """How far an error reaches."""

    STATEMENT = auto()
    SAVEPOINT = auto()
    WHOLE = auto()


def damage_of(connection: Connection, error: BaseException | None = None) -> Damage:
    """Ask the driver what is left of the transaction after an error."""
    if connection.closed or connection.invalidated:
        return Damage.WHOLE
    driver: Any = connection.connection.driver_connection
    match connection.dialect.name:
        case "postgresql":
            return _postgresql_damage(driver)
        case "sqlite":
            return Damage.STATEMENT if driver.in_transaction else Damage.WHOLE
        case _:
            return _mysql_damage(connection.connection, getattr(error, "error_code", None))


def _postgresql_damage(driver: Any) -> Damage:
    # https://www.psycopg.org/psycopg3/docs/api/pq.html#psycopg.pq.TransactionStatus
    match driver.info.transaction_status.name:
        case "INERROR":
            return Damage.SAVEPOINT
        case "UNKNOWN":
            return Damage.WHOLE
        case _:  # IDLE too: psycopg begins with the first statement
            return Damage.STATEMENT


def _mysql_damage(driver: Any, errno: int | None) -> Damage:
    """Judge by the error: PyMySQL says "in transaction" even after the server rolled back."""
    if errno in _MYSQL_ROLLED_BACK:
        return Damage.WHOLE
    if errno == _LOCK_WAIT_TIMEOUT and _rolls_back_on_timeout(driver):
        return Damage.WHOLE
    return Damage.STATEMENT


def _rolls_back_on_timeout(driver: Any) -> bool:
    with closing(driver.cursor()) as cursor:
        cursor.execute("SELECT @@innodb_rollback_on_timeout")
        return bool(cursor.fetchone()[0])
