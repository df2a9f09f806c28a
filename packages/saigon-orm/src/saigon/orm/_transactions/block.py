"""Blocks of statements that are one unit of work, one per connector and context."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, get_args

from sqlalchemy import Connection, Engine, RootTransaction
from sqlalchemy.exc import SQLAlchemyError

from saigon.orm._engine import mysql_begin, sqlite
from saigon.orm._errors import translated_errors
from saigon.orm._transactions.unit import IsolationLevel, UnitOfWork
from saigon.orm._transactions.watch import UNIT_OPTION, watched
from saigon.orm.exceptions import TransactionUsageError

if TYPE_CHECKING:
    from saigon.orm._connector import DbConnector

__all__ = ["active_unit", "forget", "has_unit", "lent", "own_connection", "unit_of_work"]

_LEVELS: Final = get_args(IsolationLevel)
_logger = logging.getLogger(__name__)
_active: ContextVar[Mapping["DbConnector", UnitOfWork]] = ContextVar(
    "saigon_orm_units_of_work", default=MappingProxyType({})
)


def active_unit(connector: "DbConnector") -> UnitOfWork | None:
    """Return the unit of work that statements of this context belong to.

    Raises:
        TransactionUsageError: The context was inherited: its transaction has ended, or belongs
            to another process, thread or task.
    """
    unit = _active.get().get(connector)
    if unit is not None:
        unit.check_place()
    return unit


def has_unit(connector: "DbConnector") -> bool:
    """Tell whether this context has a unit of work, wherever that may be used."""
    return connector in _active.get()


@contextmanager
def own_connection(engine: Engine) -> Iterator[Connection]:
    """Run a single call in a transaction of its own."""
    with engine.connect() as connection:
        root = connection.begin()
        try:
            yield connection
            root.commit()
        except BaseException:
            _roll_back(root)
            raise


@contextmanager
def unit_of_work(
    connector: "DbConnector",
    *,
    savepoint: bool = False,
    isolation: IsolationLevel | None = None,
    read_only: bool = False,
) -> Iterator[UnitOfWork]:
    """Run a block as ``transaction_context`` says."""
    current = active_unit(connector)
    if current is None:
        with _outermost(connector, isolation, read_only=read_only) as unit:
            yield unit
        return
    _check_join(current, isolation, read_only=read_only)
    with current.savepoint() if savepoint else current.joined():
        yield current


def _check_join(current: UnitOfWork, isolation: IsolationLevel | None, *, read_only: bool) -> None:
    current.check_usable()
    if isolation not in {None, current.isolation}:
        raise TransactionUsageError(
            f"expected to join a transaction of isolation {isolation}, "
            f"the surrounding one has {current.isolation or 'the default'}"
        )
    if read_only and not current.read_only:
        raise TransactionUsageError("a read-only block inside a transaction that may write")


@contextmanager
def _outermost(
    connector: "DbConnector", isolation: IsolationLevel | None, *, read_only: bool
) -> Iterator[UnitOfWork]:
    _check_level(isolation)
    with translated_errors():
        connection = watched(connector.engine).connect()
    with connection:
        unit = UnitOfWork(isolation, read_only, connection)
        root = _begin(connection, unit)
        with _registered(connector, unit):
            try:
                with translated_errors(), unit.streams.closing():
                    yield unit
                unit.finish(root)
            except BaseException:
                _roll_back(root)
                raise


def _check_level(isolation: IsolationLevel | None) -> None:
    # Before anything is set on a connection, which would go back to the pool half prepared.
    if isolation is not None and isolation not in _LEVELS:
        raise ValueError(f"expected an isolation level of {', '.join(_LEVELS)}, got {isolation!r}")


def _begin(connection: Connection, unit: UnitOfWork) -> RootTransaction:
    with translated_errors():
        connection.execution_options(**_options(connection, unit))
        root = connection.begin()
        connection.execution_options(**{UNIT_OPTION: unit})
        return root


def _options(connection: Connection, unit: UnitOfWork) -> dict[str, Any]:
    dialect_name = connection.dialect.name
    if dialect_name == "sqlite":
        sqlite.plan_begin(connection, read_only=unit.read_only)
        return {}
    if dialect_name in {"mysql", "mariadb"}:
        return mysql_begin.plan_begin(connection, unit.isolation, read_only=unit.read_only)
    options: dict[str, Any] = {}
    if unit.isolation is not None:
        options["isolation_level"] = unit.isolation
    if unit.read_only:
        options["postgresql_readonly"] = True
    return options


def _roll_back(root: RootTransaction) -> None:
    connection = root.connection
    try:
        if root.is_active:
            root.rollback()
        elif not (connection.closed or connection.invalidated):
            # A commit that failed may have left the transaction open; SQLAlchemy calls it ended.
            connection.connection.rollback()
    except (SQLAlchemyError, connection.dialect.loaded_dbapi.Error) as exc:
        # The error that led here says more; a connection that cannot roll back is given up.
        _logger.warning("rollback failed: %s", type(exc).__name__)
        with suppress(SQLAlchemyError):
            connection.invalidate()


@contextmanager
def _registered(connector: "DbConnector", unit: UnitOfWork) -> Iterator[None]:
    _active.set(MappingProxyType({**_active.get(), connector: unit}))
    try:
        yield
    finally:
        unit.end()
        forget(unit)


@contextmanager
def lent(connector: "DbConnector", unit: UnitOfWork) -> Iterator[None]:
    """Let statements of this context belong to a unit of work that began in another one."""
    previous = _active.get()
    _active.set(MappingProxyType({**previous, connector: unit}))
    try:
        yield
    finally:
        _active.set(previous)


def forget(unit: UnitOfWork) -> None:
    """Let statements of this context belong to it no more."""
    # Not by a token: blocks held open by generators need not end in the order they began.
    rest = {key: other for key, other in _active.get().items() if other is not unit}
    _active.set(MappingProxyType(rest))
