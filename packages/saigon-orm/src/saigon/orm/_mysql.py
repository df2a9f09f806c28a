"""MySQL and MariaDB through PyMySQL: UTC, strict mode, instants kept when they are written."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Engine, event

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
    """Make an engine's connections write aware datetimes in UTC."""
    event.listen(engine, "connect", _on_connect)


def _on_connect(dbapi_connection: Any, _record: Any) -> None:
    # PyMySQL writes the wall clock and drops the offset.
    plain = dbapi_connection.encoders[datetime]

    def escape(value: datetime, mapping: Any = None) -> str:
        in_utc = value if value.tzinfo is None else value.astimezone(UTC)
        return str(plain(in_utc, mapping))

    dbapi_connection.encoders[datetime] = escape
