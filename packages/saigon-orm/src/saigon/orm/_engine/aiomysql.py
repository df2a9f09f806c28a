"""MySQL and MariaDB through aiomysql, which lacks some of what PyMySQL has."""

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import Engine, event

from saigon.orm._engine.mysql import fast_decoders, read_floats_in_full

__all__ = ["prepare_aiomysql"]


def prepare_aiomysql(engine: Engine) -> None:
    """Make connections write bytes and aware datetimes right, and read floats in full."""
    read_floats_in_full(engine)
    event.listen(engine, "connect", _on_connect)


def _on_connect(_dbapi_connection: Any, record: Any) -> None:
    driver = record.driver_connection
    driver.decoders = fast_decoders(driver.decoders)
    plain: Callable[[Any], str] = driver.escape

    def escape(value: Any) -> str:
        match value:
            case datetime(tzinfo=tzinfo()):
                return plain(value.astimezone(UTC))
            case bytes() | bytearray():  # aiomysql takes a function that PyMySQL has no more
                return f"_binary X'{value.hex()}'"
            case _:
                return plain(value)

    driver.escape = escape
