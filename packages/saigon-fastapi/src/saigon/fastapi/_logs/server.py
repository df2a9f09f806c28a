"""The lines of the server beneath the app, among which are some that would stand there twice."""

import logging
from contextlib import suppress
from typing import Final

_ACCESS: Final = ("uvicorn.access",)
_OTHERS: Final = ("uvicorn", "uvicorn.error", "uvicorn.asgi")
_ADAPTERS: Final = ("mangum.http",)
_LAMBDA: Final = "awslambdaric"
_LOGGED: Final = "_saigon_fastapi_logged"


def compose_with_server() -> None:
    """Send the server's lines the way of all others, but for what ``LogMiddleware`` has written.

    A filter of a logger stays in place when uvicorn, started afterwards, sets its handlers anew.
    """
    for names, added in ((_ACCESS, _Nothing()), (_OTHERS, _ByRoot()), (_ADAPTERS, _News())):
        for name in names:
            _filter_once(logging.getLogger(name), added)
    root = logging.getLogger()
    for handler in [*root.handlers]:
        if type(handler).__module__.startswith(_LAMBDA):  # it would write each line once more
            root.removeHandler(handler)


def note_logged(error: BaseException) -> None:
    """Remember that the error has been logged with its traceback."""
    with suppress(Exception):  # it may let nobody set attributes
        setattr(error, _LOGGED, True)


def _is_logged(record: logging.LogRecord) -> bool:
    return bool(record.exc_info and getattr(record.exc_info[1], _LOGGED, False))


class _Nothing(logging.Filter):
    """Lets nothing through: each request has its line already."""

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002
        return False


class _News(logging.Filter):
    """Lets through what is neither the line of a request nor an error that has been logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO and not _is_logged(record)


class _ByRoot(logging.Filter):
    """Hands a record to the root logger, past the handlers that uvicorn has of its own."""

    def filter(self, record: logging.LogRecord) -> bool:
        vars(record).pop("color_message", None)  # the message once more, for a terminal
        if not _is_logged(record):
            logging.getLogger().handle(record)
        return False


def _filter_once(logger: logging.Logger, added: logging.Filter) -> None:
    if not any(isinstance(old, type(added)) for old in logger.filters):
        logger.addFilter(added)
