"""SQLite as a database among others: real transactions, foreign keys, exact values."""

from contextlib import closing
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from math import isnan
from typing import Any, Final

from sqlalchemy import Connection, Dialect, Engine, Numeric, event, types
from sqlalchemy.dialects import sqlite

from saigon.orm.exceptions import ModelMappingError

__all__ = ["plan_begin", "prepare_sqlite"]

_BEGIN: Final = "saigon_sqlite_begin"
_QUERY_ONLY: Final = "saigon_sqlite_query_only"
_MAX_DIGITS: Final = 1_000
_EXACT_DIGITS: Final = 15  # https://www.sqlite.org/floatingpoint.html


def prepare_sqlite(engine: Engine) -> None:
    """Give an engine's connections transactions of our own, foreign keys and exact types."""
    event.listen(engine, "connect", _on_connect)
    dialect: Any = engine.dialect
    dialect.do_begin = _do_begin  # an event would be asked about by each connection, and cost more
    dialect.colspecs = {
        **dialect.colspecs,
        types.DateTime: _UtcDateTime,
        types.Numeric: _ExactNumeric,
        types.Float: _RealNumber,
    }


def _on_connect(dbapi_connection: Any, _record: Any) -> None:
    # Without this the driver begins by itself, and only before some statements.
    # https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#sqlite-transactions
    dbapi_connection.isolation_level = None
    dbapi_connection.execute("PRAGMA foreign_keys = ON")


def plan_begin(connection: Connection, *, read_only: bool) -> None:
    """Say how the connection's next transaction begins; others are deferred."""
    # A deferred transaction that reads first cannot wait for its turn to write any more.
    connection.info[_BEGIN] = ("DEFERRED" if read_only else "IMMEDIATE", read_only)


def _do_begin(connection: Any) -> None:
    mode, query_only = connection.info.pop(_BEGIN, ("DEFERRED", False))
    with closing(connection.cursor()) as cursor:
        # The pragma outlives the transaction, so what it stands at is kept with the connection.
        if connection.info.get(_QUERY_ONLY, False) != query_only:
            cursor.execute(f"PRAGMA query_only = {int(query_only)}")
            connection.info[_QUERY_ONLY] = query_only
        cursor.execute(f"BEGIN {mode}")


class _UtcDateTime(sqlite.DATETIME):
    """Keeps instants in UTC, where SQLAlchemy's own type drops the offset."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        store = super().bind_processor(dialect)
        return None if store is None else lambda value: store(_in_utc(value))

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        read = super().result_processor(dialect, coltype)
        if read is None or not self.timezone:
            return read
        return lambda value: _as_utc(read(value))


def _in_utc(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC)
    return value


def _as_utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class _ExactNumeric(Numeric[Any]):
    """Takes only the decimals that SQLite's REAL gives back digit for digit."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002  # SQLAlchemy's signature
        return self._real

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ARG002  # likewise
        return self._decimal if self.asdecimal else None

    def _real(self, value: Any) -> Any:
        if isinstance(value, str):
            value = Decimal(value)  # its column would take any text
        return float(self._exact(value)) if isinstance(value, Decimal) else value

    def _exact(self, value: Decimal) -> Decimal:
        """Round to the scale as the other databases do, and refuse what REAL cannot keep."""
        if value.is_finite():
            rounded = value if self.scale is None else _rounded(value, self.scale)
            if len(rounded.normalize().as_tuple().digits) <= _EXACT_DIGITS:
                return rounded
        raise ModelMappingError(
            f"SQLite keeps finite numbers of {_EXACT_DIGITS} digits; "
            "keep other decimals in a text column (String)"
        )

    def _decimal(self, value: Any) -> Decimal | None:
        if value is None:
            return None
        number = Decimal(value if isinstance(value, int | str) else f"{value:.{_EXACT_DIGITS}g}")
        padded = number if self.scale is None else _rounded(number, self.scale)
        return padded if padded == number else number


class _RealNumber(types.Float[Any]):
    """Takes any number but NaN, for which SQLite would keep NULL."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002  # SQLAlchemy's signature
        return self._number

    def _number(self, value: Any) -> Any:
        number = None if value is None else float(value)
        if number is not None and isnan(number):
            raise ModelMappingError("SQLite keeps no NaN; keep it as None")
        return number


def _rounded(value: Decimal, scale: int) -> Decimal:
    with localcontext(prec=_MAX_DIGITS):
        return value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
