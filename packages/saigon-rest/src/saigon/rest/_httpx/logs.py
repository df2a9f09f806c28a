"""Keep queries, and all that came, out of what ``httpx`` and ``httpcore`` log of our calls."""

import logging

import httpx

from saigon.rest._calls.logs import is_of_our_call, secrets_unlogged
from saigon.rest._calls.urls import without_query

__all__ = ["secrets_unlogged"]


class _WithoutQuery(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if is_of_our_call() and isinstance(record.args, tuple):
            record.args = tuple(
                without_query(str(arg)) if isinstance(arg, httpx.URL) else arg
                for arg in record.args
            )
        return True


class _EventAlone(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if is_of_our_call():
            # All that follows the event's name is what was sent or came.
            record.msg = str(record.msg).partition(" ")[0]
        return True


logging.getLogger("httpx").addFilter(_WithoutQuery())
for _name in ("connection", "http11", "http2", "proxy", "socks"):
    logging.getLogger(f"httpcore.{_name}").addFilter(_EventAlone())
