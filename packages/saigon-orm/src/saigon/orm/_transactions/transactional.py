"""The unit of work as a decorator."""

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, Protocol, TypeVar, overload

from saigon.orm._async_connector import AsyncDbConnector
from saigon.orm._connector import DbConnector
from saigon.orm._transactions.unit import IsolationLevel

__all__ = ["transactional"]

P = ParamSpec("P")
ResultT = TypeVar("ResultT")


class _AsyncDecorator(Protocol):
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, ResultT]], /
    ) -> Callable[P, Coroutine[Any, Any, ResultT]]: ...


@overload
def transactional(
    connector: AsyncDbConnector,
    *,
    retries: int = 0,
    isolation: IsolationLevel | None = None,
    read_only: bool = False,
) -> _AsyncDecorator: ...


@overload
def transactional(
    connector: DbConnector | None = None,
    *,
    retries: int = 0,
    isolation: IsolationLevel | None = None,
    read_only: bool = False,
) -> Callable[[Callable[P, ResultT]], Callable[P, ResultT]]: ...


def transactional(
    connector: DbConnector | AsyncDbConnector | None = None,
    *,
    retries: int = 0,
    isolation: IsolationLevel | None = None,
    read_only: bool = False,
) -> Any:
    """Make a function, or a method of a manager, one unit of work.

    Over a ``DbConnector`` it takes a ``def``, over an ``AsyncDbConnector`` an ``async def``.

    Args:
        connector: The database; left out on a method of an object with a ``db_connector``, such
            as an ``AbstractDbManager`` or an ``AbstractAsyncDbManager``.
        retries: How often it may run again after a serialization failure or a deadlock; it must
            not be called inside a transaction then.
        isolation: As of ``transaction_context``.
        read_only: As of ``transaction_context``.

    Raises:
        TypeError: The function is of the other kind, or a generator function: it would return
            before its work begins.
    """
    if not isinstance(connector, DbConnector | AsyncDbConnector | None):
        raise TypeError(  # else @transactional without parentheses would run nothing
            f"expected @transactional(connector) or @transactional(), got {connector!r}"
        )
    options = {"retries": retries, "isolation": isolation, "read_only": read_only}

    def decorate(function: Callable[P, ResultT]) -> Callable[P, ResultT]:
        is_async = _check_kind(function, connector)
        wrap: Any = _async_wrapper if is_async else _wrapper
        wrapped: Callable[P, ResultT] = wrap(function, connector, options)
        return wrapped

    return decorate


def _check_kind(
    function: Callable[..., object], connector: DbConnector | AsyncDbConnector | None
) -> bool:
    """Tell whether it is an ``async def``."""
    if isinstance(function, staticmethod | classmethod):
        raise TypeError("expected @transactional below @staticmethod or @classmethod")
    if not inspect.isroutine(function) and not isinstance(function, functools.partial):
        call: Any = type(function).__call__
        return _check_kind(call, connector)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"expected no generator function, got {function!r}: its body would run after the commit"
        )
    is_async = inspect.iscoroutinefunction(function)
    if isinstance(connector, DbConnector) and is_async:
        raise TypeError(
            f"expected a plain function over a DbConnector, got {function!r}: its body would run "
            "after the commit; async def takes an AsyncDbConnector"
        )
    if isinstance(connector, AsyncDbConnector) and not is_async:
        raise TypeError(f"expected an async def over an AsyncDbConnector, got {function!r}")
    return is_async


def _wrapper(
    function: Callable[..., Any], connector: DbConnector | None, options: dict[str, Any]
) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        db = connector or _connector_of(args, DbConnector)
        return db.run_in_transaction(lambda _: function(*args, **kwargs), **options)

    return wrapper


def _async_wrapper(
    function: Callable[..., Any], connector: AsyncDbConnector | None, options: dict[str, Any]
) -> Callable[..., Any]:
    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        db = connector or _connector_of(args, AsyncDbConnector)
        return await db.run_in_transaction(lambda _: function(*args, **kwargs), **options)

    return wrapper


ConnectorT = TypeVar("ConnectorT", DbConnector, AsyncDbConnector)


def _connector_of(args: tuple[object, ...], kind: type[ConnectorT]) -> ConnectorT:
    connector = getattr(args[0], "db_connector", None) if args else None
    if isinstance(connector, kind):
        return connector
    raise TypeError(
        "expected transactional(connector), or a method of an object with a db_connector of type "
        f"{kind.__name__}"
    )
