"""Key-values that every log line within a scope carries, on the standard ``logging``."""

import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import Token
from functools import wraps
from types import MappingProxyType
from typing import Final, ParamSpec, TextIO, TypeVar

from saigon.fastapi._logs.record import ContextRecordFactory
from saigon.fastapi._logs.scope import FIELDS
from saigon.fastapi._logs.server import compose_with_uvicorn
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


@contextmanager
def logcontext(**fields: object) -> Iterator[None]:
    """Put the fields on every log line below; an inner scope overrides and restores.

    Use it as a context manager, or as the decorator of a ``def`` function.
    """
    token = FIELDS.set({**FIELDS.get(), **fields})
    try:
        yield
    finally:
        _restore(token)


@asynccontextmanager
async def asynclogcontext(**fields: object) -> AsyncIterator[None]:
    """Do what :func:`logcontext` does, under ``async with`` or on an ``async def`` function."""
    with logcontext(**fields):
        yield


def set_log_context(**fields: object) -> None:
    """Add the fields from here to the end of the scope: of the request, task or ``logcontext``."""
    FIELDS.set({**FIELDS.get(), **fields})


def unset_log_context(*names: str) -> None:
    """Take fields off the lines from here to the end of the scope; unknown names are no error."""
    FIELDS.set({key: value for key, value in FIELDS.get().items() if key not in names})


def bind_log_context(function: Callable[P, ResultT]) -> Callable[P, ResultT]:
    """Let a function that is called in another thread, or later, carry the fields of here.

    ``asyncio`` tasks and FastAPI's worker threads have them anyway; threads that are started by
    hand, those of a ``ThreadPoolExecutor`` among them, begin without. Several threads may call it
    at once.

    Example:
        ``executor.map(bind_log_context(store), orders)``
    """
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
    return MappingProxyType(dict(FIELDS.get()))


def configure(
    *,
    json: bool = False,
    level: int | str = logging.INFO,
    handler: logging.Handler | None = None,
) -> logging.Handler:
    """Set up the log of an application in one line: its own lines and the server's, in one form.

    Does what :func:`enable_log_context` does. Beyond that uvicorn's lines are written as all others
    are, whether it starts before or after; its access lines, and its tracebacks of errors that
    ``LogMiddleware`` has logged, are left out.

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
    compose_with_uvicorn()
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
    for ours in [old for old in root.handlers if getattr(old, _OURS, False)]:
        root.removeHandler(ours)
    setattr(handler, _OURS, True)
    root.addHandler(handler)
    root.setLevel(level)
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


def _restore(token: Token[Mapping[str, object]]) -> None:
    try:
        FIELDS.reset(token)
    except ValueError:
        # A generator that ends in another context than it began in, such as a dependency run in
        # a worker thread: the value to restore is gone with the first.
        return
