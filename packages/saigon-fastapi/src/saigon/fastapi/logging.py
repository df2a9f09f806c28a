"""Key-values that every log line within a scope carries, on the standard ``logging``."""

import logging
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ContextDecorator, asynccontextmanager, suppress
from contextvars import ContextVar, Token
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, Final, ParamSpec, Self, TextIO, TypeAlias, TypeVar

from saigon.fastapi._logs.record import ContextRecordFactory
from saigon.fastapi._logs.scope import FIELDS
from saigon.fastapi._logs.server import compose_with_server
from saigon.fastapi._logs.text import TextFormatter
from saigon.fastapi.exceptions import MissingExtraError

__all__ = [
    "asynclogcontext",
    "bind_log_context",
    "configure",
    "current_log_context",
    "enable_log_context",
    "logcontext",
    "set_log_context",
    "unset_log_context",
]

P = ParamSpec("P")
ResultT = TypeVar("ResultT")
FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class logcontext(ContextDecorator):  # noqa: N801  # it is called as a function is
    """Put the fields on every log line below; an inner scope overrides and restores.

    Use it as a context manager, or as the decorator of a ``def`` function.

    Raises:
        TypeError: It decorates an ``async def`` function, which :func:`asynclogcontext` is for, or
            a generator.
    """

    def __init__(self, **fields: object) -> None:
        self._fields = fields

    def __call__(self, function: FunctionT) -> FunctionT:
        """Decorate a function."""
        _refuse_async(function, "decorate it with asynclogcontext")
        if isgeneratorfunction(function):
            raise TypeError(f"{_name(function)} is a generator; use logcontext within it")
        return super().__call__(function)

    def _recreate_cm(self) -> Self:
        return type(self)(**self._fields)

    def __enter__(self) -> None:
        token = FIELDS.set({**FIELDS.get(), **self._fields})
        _ENTERED.set((*_ENTERED.get(), (self, token)))

    def __exit__(self, *_exc_info: object) -> None:
        # A generator may end in another context than it began in, such as that of a worker thread:
        # there is nothing of it to restore then.
        *outer, (scope, token) = _ENTERED.get() or ((None, None),)
        if scope is self and token is not None:
            _ENTERED.set(tuple(outer))
            with suppress(ValueError):  # entered where this context was copied from
                FIELDS.reset(token)


_Entered: TypeAlias = tuple[logcontext | None, Token[Mapping[str, object]] | None]
_ENTERED: Final[ContextVar[tuple[_Entered, ...]]] = ContextVar("saigon_log_scopes", default=())
"""The scopes that have been entered in this context, the innermost last."""


@asynccontextmanager
async def asynclogcontext(**fields: object) -> AsyncIterator[None]:
    """Do what :func:`logcontext` does, under ``async with`` or on an ``async def`` function."""
    with logcontext(**fields):
        yield


def set_log_context(**fields: object) -> None:
    """Add the fields from here to the end of the scope: of the request, task or ``logcontext``.

    A ``def`` endpoint or dependency runs in a thread, and is a scope of its own.
    """
    FIELDS.set({**FIELDS.get(), **fields})


def unset_log_context(*names: str) -> None:
    """Take fields off the lines from here to the end of the scope; unknown names are no error."""
    FIELDS.set({key: value for key, value in FIELDS.get().items() if key not in names})


def bind_log_context(function: Callable[P, ResultT]) -> Callable[P, ResultT]:
    """Let a function that is called in another thread, or later, carry the fields of here.

    ``asyncio`` tasks and FastAPI's worker threads have them anyway; threads that are started by
    hand, those of a ``ThreadPoolExecutor`` among them, begin without. Several threads may call it
    at once.

    Raises:
        TypeError: It is an ``async def`` function, whose task has the fields anyway.

    Example:
        ``executor.map(bind_log_context(store), orders)``
    """
    _refuse_async(function, "a task has the fields anyway")
    fields = FIELDS.get()

    @wraps(function)
    def bound(*args: P.args, **kwargs: P.kwargs) -> ResultT:
        token = FIELDS.set(fields)
        try:
            return function(*args, **kwargs)
        finally:
            FIELDS.reset(token)

    return bound


def current_log_context() -> Mapping[str, object]:
    """Return the fields now in force."""
    return dict(FIELDS.get())


def configure(
    *,
    json: bool = False,
    level: int | str = logging.INFO,
    handler: logging.Handler | None = None,
) -> logging.Handler:
    """Set up the log of an application in one line: its own lines and the server's, in one form.

    Does what :func:`enable_log_context` does. Beyond that uvicorn's lines are written as all others
    are, whether it starts before or after. Left out are its access lines, which every app in the
    process has ``LogMiddleware`` for, and its tracebacks of errors that this has logged; likewise
    Mangum's, and what Lambda's own handler would write a second time.

    Args:
        json: Write one JSON object a line instead of text.
        level: The root logger's level.
        handler: Where the lines go, standard error by default.

    Returns:
        The handler, for whoever wants to take it off again.

    Raises:
        MissingExtraError: JSON was asked for and ``saigon-fastapi[json]`` is not installed.
    """
    handler = enable_log_context(json=json, level=level, handler=handler)
    compose_with_server()
    return handler


def enable_log_context(
    *,
    json: bool = False,
    level: int | str = logging.INFO,
    handler: logging.Handler | None = None,
) -> logging.Handler:
    """Make log lines carry the context, and write them from the root logger on.

    A second call replaces the handler of the first. Other handlers and their formatters are left
    alone; they find the context as the mapping ``log_context`` on each record.

    Args:
        json: Write one JSON object a line instead of text.
        level: The root logger's level.
        handler: Where the lines go, standard error by default.

    Returns:
        The handler, for whoever wants to take it off again.

    Raises:
        MissingExtraError: JSON was asked for and ``saigon-fastapi[json]`` is not installed.
    """
    formatter = _json_formatter() if json else TextFormatter()
    handler = _StandardError() if handler is None else handler
    handler.setFormatter(formatter)
    ContextRecordFactory.install()
    root = logging.getLogger()
    root.setLevel(level)
    for ours in [old for old in root.handlers if getattr(old, _OURS, False)]:
        root.removeHandler(ours)
    setattr(handler, _OURS, True)
    root.addHandler(handler)
    return handler


_OURS: Final = "_saigon_log_context"


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what standard error is when the line is written, not what it once was."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def _json_formatter() -> logging.Formatter:
    try:
        from saigon.fastapi._logs.json import ContextJsonFormatter
    except ModuleNotFoundError as exc:
        raise MissingExtraError("json", exc.name) from exc
    return ContextJsonFormatter()


def _refuse_async(function: Callable[..., object], advice: str) -> None:
    if iscoroutinefunction(function) or isasyncgenfunction(function):
        raise TypeError(f"{_name(function)} is async; {advice}")


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__qualname__", repr(function))
