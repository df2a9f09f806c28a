"""Tell the log lines of our calls, which are to hold no secret, from those of others."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_ours: Final = ContextVar("saigon_rest_call", default=False)


def is_of_our_call() -> bool:
    """Tell whether what is logged now is logged of a call of ours."""
    return _ours.get()


@contextmanager
def secrets_unlogged() -> Iterator[None]:
    """Have calls in the block logged without them; other calls are logged as ever."""
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)
