"""Keep credentials out of the logs of the libraries that carry them.

At DEBUG level botocore logs whole requests and answers: passwords, tokens, secrets, signatures. The
level is often set for everything at once, while somebody looks for something else.
"""

import logging
import re
from typing import Any, Final

__all__ = ["install_log_redaction"]

_LOGGERS: Final = (
    "botocore.auth",
    "botocore.awsrequest",
    "botocore.credentials",
    "botocore.endpoint",
    "botocore.httpsession",
    "botocore.parsers",
    "botocore.regions",
    "botocore.signers",
    "boto3.resources.action",
    "boto3.resources.factory",
    "urllib3.connectionpool",
    "urllib3.util.retry",
)
_PLACEHOLDER: Final = re.compile(r"%(?:\(\w+\))?[#0\- +]*(?:\d+|\*)?(?:\.(?:\d+|\*))?[a-zA-Z]")
_REDACTED: Final = "[redacted]"


class _Redaction(logging.Filter):
    """Replace what was filled into a message; numbers and the message's own words remain."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.args or record.exc_info:
            record.msg = _without_values(str(record.msg), record.args)
            record.args = ()
            # A traceback ends in the error's text, which may quote the request.
            record.exc_info = record.exc_text = record.stack_info = None
        return True


def install_log_redaction() -> None:
    """Take requests, answers and signatures out of what botocore, boto3 and urllib3 log.

    Works for every handler and level, for the whole process; calling it again changes nothing.
    """
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, _Redaction) for each in logger.filters):
            logger.addFilter(_Redaction())


def _without_values(template: str, args: Any) -> str:
    values = iter(args if isinstance(args, tuple) else ())

    def replacement(_match: re.Match[str]) -> str:
        value = next(values, None)
        return str(value) if isinstance(value, (int, float)) else _REDACTED

    return _PLACEHOLDER.sub(replacement, template)
