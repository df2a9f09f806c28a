"""Keep queries, and headers that it stumbles over, out of what ``urllib3`` logs of our calls."""

import logging

from saigon.rest._calls.logs import is_of_our_call, secrets_unlogged

__all__ = ["secrets_unlogged"]


class _WithoutSecrets(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if is_of_our_call() and isinstance(record.args, tuple):
            record.args = tuple(_without_secrets(arg) for arg in record.args)
            record.exc_info = None
        return True


def _without_secrets(arg: object) -> object:
    if isinstance(arg, BaseException):
        return type(arg).__name__
    return arg.partition("?")[0] if isinstance(arg, str) else arg


for _name in ("urllib3.connectionpool", "urllib3.connection"):
    logging.getLogger(_name).addFilter(_WithoutSecrets())
