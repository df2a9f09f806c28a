"""What is left of a transaction: what its driver says, and what an error has cost."""

from contextlib import closing
from enum import Enum, auto
from typing import Any, Final

from sqlalchemy import Connection

__all__ = ["Damage", "damage_of", "is_open"]

_LOCK_WAIT_TIMEOUT: Final = 1205
# Deadlock, XA deadlock, too many locks, and MariaDB's changed record under snapshot isolation.
_MYSQL_ROLLED_BACK: Final = frozenset({1213, 1614, 1206, 1020})
# https://dev.mysql.com/doc/dev/mysql-server/latest/mysql__com_8h.html (SERVER_STATUS_…)
_MYSQL_IN_TRANSACTION: Final = 1
_MYSQL_AUTOCOMMIT: Final = 2
# https://www.postgresql.org/docs/current/libpq-status.html#LIBPQ-PQTRANSACTIONSTATUS
_POSTGRESQL_IDLE: Final = 0
_POSTGRESQL_IN_ERROR: Final = 3
_POSTGRESQL_UNKNOWN: Final = 4


class Damage(Enum):
    """How far an error reaches."""

    STATEMENT = auto()
    SAVEPOINT = auto()
    WHOLE = auto()


def is_open(connection: Connection) -> bool | None:
    """Ask the driver whether the server has a transaction; ``None`` for no, or not yet."""
    driver = _driver_of(connection)
    match connection.dialect.name:
        case "postgresql":  # psycopg begins with the first statement
            return driver.pgconn.transaction_status != _POSTGRESQL_IDLE or None
        case "sqlite":
            return bool(driver.in_transaction)
        case _:  # flags of the last statement that gave no rows: others cannot end a transaction
            if driver.server_status & _MYSQL_IN_TRANSACTION:
                return True
            return False if driver.server_status & _MYSQL_AUTOCOMMIT else None


def _driver_of(connection: Connection) -> Any:
    # Not the pool's driver_connection, which a detached connection has no more.
    pooled: Any = connection.connection
    return connection.dialect.get_driver_connection(pooled.dbapi_connection)


def damage_of(connection: Connection, error: BaseException | None = None) -> Damage:
    """Ask the driver what is left of the transaction after an error."""
    if connection.closed or connection.invalidated:
        return Damage.WHOLE
    driver = _driver_of(connection)
    match connection.dialect.name:
        case "postgresql":
            return _postgresql_damage(driver)
        case "sqlite":
            return Damage.STATEMENT if driver.in_transaction else Damage.WHOLE
        case _:
            return _mysql_damage(connection, getattr(error, "error_code", None))


def _postgresql_damage(driver: Any) -> Damage:
    damages = {_POSTGRESQL_IN_ERROR: Damage.SAVEPOINT, _POSTGRESQL_UNKNOWN: Damage.WHOLE}
    return damages.get(driver.pgconn.transaction_status, Damage.STATEMENT)


def _mysql_damage(connection: Connection, errno: int | None) -> Damage:
    """Judge by the error: PyMySQL says "in transaction" even after the server rolled back."""
    if errno in _MYSQL_ROLLED_BACK:
        return Damage.WHOLE
    if errno == _LOCK_WAIT_TIMEOUT and _rolls_back_on_timeout(connection):
        return Damage.WHOLE
    return Damage.STATEMENT


def _rolls_back_on_timeout(connection: Connection) -> bool:
    driver: Any = connection.connection
    try:
        with closing(driver.cursor()) as cursor:
            cursor.execute("SELECT @@innodb_rollback_on_timeout")
            return bool(cursor.fetchone()[0])
    except connection.dialect.loaded_dbapi.Error:  # the connection is lost
        return True
