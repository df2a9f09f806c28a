"""MySQL and MariaDB through aiomysql, which lacks some of what PyMySQL has."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, event

from saigon.orm._engine.mysql import fast_decoders, read_floats_in_full

__all__ = ["prepare_aiomysql"]


def prepare_aiomysql(engine: Engine) -> None:
    """Make an engine's connections write aware datetimes in UTC, and read floats in full."""
    read_floats_in_full(engine)
    event.listen(engine, "connect", _on_connect)


def _on_connect(_dbapi_connection: Any, record: Any) -> None:
    driver = record.driver_connection
    driver.decoders = fast_decoders(driver.decoders)
    plain: Callable[[Any], str] = driver.escape

    def escape(value: Any) -> str:
        is_aware = isinstance(value, datetime) and value.tzinfo is not None
        return plain(value.astimezone(UTC) if is_aware else value)

    driver.escape = escape
