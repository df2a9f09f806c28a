"""The lines of the server beneath the app, among which are some that would stand there twice."""

import logging
from typing import Final

_ACCESS: Final = "uvicorn.access"
_OTHERS: Final = ("uvicorn", "uvicorn.error", "uvicorn.asgi")
_LOGGED: Final = "_saigon_fastapi_logged"


def compose_with_uvicorn() -> None:
    """Send uvicorn's lines the way of all others, but for what ``LogMiddleware`` has written.

    A filter of a logger stays in place when uvicorn, started afterwards, sets its handlers anew.
    """
    _filter_once(logging.getLogger(_ACCESS), _Nothing())
    for name in _OTHERS:
        _filter_once(logging.getLogger(name), _ByRoot())


def note_logged(error: BaseException) -> None:
    """Remember that the error has been logged with its traceback."""
    setattr(error, _LOGGED, True)


class _Nothing(logging.Filter):
    """Lets nothing through: each request has its line already."""

    def filter(self, _record: logging.LogRecord) -> bool:
        return False


class _ByRoot(logging.Filter):
    """Hands a record to the root logger, past the handlers that uvicorn has of its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not getattr(error, _LOGGED, False):
            logging.getLogger().handle(record)
        return False


def _filter_once(logger: logging.Logger, added: logging.Filter) -> None:
    if not any(isinstance(old, type(added)) for old in logger.filters):
        logger.addFilter(added)
