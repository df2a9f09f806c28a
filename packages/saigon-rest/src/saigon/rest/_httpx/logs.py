"""Keep queries out of what ``httpx`` logs of our calls."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import httpx

from saigon.rest._calls.urls import without_query

_ours: Final = ContextVar("saigon_rest_async_call", default=False)


class _WithoutQuery(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if _ours.get() and isinstance(record.args, tuple):
            record.args = tuple(
                without_query(str(arg)) if isinstance(arg, httpx.URL) else arg
                for arg in record.args
            )
        return True


logging.getLogger("httpx").addFilter(_WithoutQuery())


@contextmanager
def queries_unlogged() -> Iterator[None]:
    """Have calls in the block logged without their queries; other calls are logged as ever."""
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)
