"""Keep queries, and headers that it stumbles over, out of what ``urllib3`` logs of our calls."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_ours: Final = ContextVar("saigon_rest_call", default=False)


class _WithoutSecrets(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if _ours.get() and isinstance(record.args, tuple):
            record.args = tuple(_without_secrets(arg) for arg in record.args)
            record.exc_info = None
        return True


def _without_secrets(arg: object) -> object:
    if isinstance(arg, BaseException):
        return type(arg).__name__
    return arg.partition("?")[0] if isinstance(arg, str) else arg


for _name in ("urllib3.connectionpool", "urllib3.connection"):
    logging.getLogger(_name).addFilter(_WithoutSecrets())


@contextmanager
def queries_unlogged() -> Iterator[None]:
    """Have calls in the block logged without them; other calls are logged as ever."""
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)
