"""Keep credentials out of the logs of the libraries that carry them.

At DEBUG level botocore logs whole requests and answers: passwords, tokens, secrets, signatures. The
level is often set for everything at once, while somebody looks for something else.
"""

import logging
import re
from typing import Any, Final

__all__ = ["install_log_redaction"]

_LOGGERS: Final = (
    "boto3.dynamodb.table",
    "boto3.resources.action",
    "boto3.resources.collection",
    "boto3.resources.factory",
    "botocore.auth",
    "botocore.awsrequest",
    "botocore.compress",
    "botocore.configprovider",
    "botocore.credentials",
    "botocore.discovery",
    "botocore.endpoint",
    "botocore.handlers",
    "botocore.history",
    "botocore.httpsession",
    "botocore.monitoring",
    "botocore.paginate",
    "botocore.parsers",
    "botocore.regions",
    "botocore.retries.standard",
    "botocore.retryhandler",
    "botocore.session",
    "botocore.signers",
    "botocore.tokens",
    "botocore.utils",
    "urllib3.connection",
    "urllib3.connectionpool",
    "urllib3.poolmanager",
    "urllib3.util.retry",
)
# These fill their messages in themselves, so that nothing of one can be kept.
_WHOLE_LOGGERS: Final = (
    "s3transfer",
    "s3transfer.crt",
    "s3transfer.download",
    "s3transfer.futures",
    "s3transfer.processpool",
    "s3transfer.tasks",
    "s3transfer.utils",
)
_PLACEHOLDER: Final = re.compile(r"%(?:\(\w+\))?[#0\- +]*(?:\d+|\*)?(?:\.(?:\d+|\*))?[a-zA-Z]")
_REDACTED: Final = "[redacted]"


class _Redaction(logging.Filter):
    """Replace what was filled into a message; numbers and the message's own words remain.

    Args:
        whole: The message has been filled in already, and is replaced as a whole.
    """

    def __init__(self, *, whole: bool) -> None:
        super().__init__()
        self._whole = whole

    def filter(self, record: logging.LogRecord) -> bool:
        if self._whole:
            record.msg, record.args = _REDACTED, ()
        if record.args or record.exc_info:
            record.msg = _without_values(str(record.msg), record.args)
            record.args = ()
            # A traceback ends in the error's text, which may quote the request.
            record.exc_info = record.exc_text = record.stack_info = None
        return True


def install_log_redaction() -> None:
    """Take requests, answers and signatures out of what the libraries log that carry them.

    Works for every handler and level, for the whole process; calling it again changes nothing. What
    looks at a record before the filters of its logger do, as a factory of records that fills the
    messages in, still sees all.
    """
    for names, whole in ((_LOGGERS, False), (_WHOLE_LOGGERS, True)):
        for name in names:
            logger = logging.getLogger(name)
            if not any(isinstance(each, _Redaction) for each in logger.filters):
                logger.addFilter(_Redaction(whole=whole))


def _without_values(template: str, args: Any) -> str:
    values = iter(args if isinstance(args, tuple) else ())

    def replacement(_match: re.Match[str]) -> str:
        value = next(values, None)
        return str(value) if isinstance(value, (int, float)) else _REDACTED

    return _PLACEHOLDER.sub(replacement, template)
