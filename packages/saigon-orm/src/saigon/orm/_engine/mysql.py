"""MySQL and MariaDB through PyMySQL: UTC, strict mode, instants kept when they are written."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Dialect, Engine, event
from sqlalchemy.dialects import mysql

__all__ = ["MYSQL_CONNECT_ARGS", "prepare_mysql"]

MYSQL_CONNECT_ARGS: Final = {
    "charset": "utf8mb4",
    "connect_timeout": 10,
    "read_timeout": 300,
    "write_timeout": 60,
    # Without the strict mode, which RDS leaves out, values are cut to size in silence.
    "init_command": (
        "SET time_zone = '+00:00', sql_mode = CONCAT_WS(',', @@sql_mode, 'STRICT_ALL_TABLES')"
    ),
}


def prepare_mysql(engine: Engine) -> None:
    """Make an engine's connections write aware datetimes in UTC, and read floats in full."""
    engine.dialect.colspecs = {
        **engine.dialect.colspecs,
        mysql.DOUBLE: _ExactDouble,
        mysql.REAL: _ExactDouble,
    }
    event.listen(engine, "connect", _on_connect)


def _on_connect(dbapi_connection: Any, _record: Any) -> None:
    # PyMySQL writes the wall clock and drops the offset.
    plain = dbapi_connection.encoders[datetime]

    def escape(value: datetime, mapping: Any = None) -> str:
        in_utc = value if value.tzinfo is None else value.astimezone(UTC)
        return str(plain(in_utc, mapping))

    dbapi_connection.encoders[datetime] = escape


class _ExactDouble(mysql.DOUBLE):
    """Reads as many digits as the number has: SQLAlchemy's reflected DOUBLE has ten decimals."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ARG002  # SQLAlchemy's signature
        return _as_decimal if self.asdecimal else None


def _as_decimal(value: Any) -> Any:
    return Decimal(repr(value)) if isinstance(value, float) else value
