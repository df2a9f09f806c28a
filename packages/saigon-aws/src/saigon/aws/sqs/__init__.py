"""From an SQS queue into a relational database: each message stored once, and none lost."""

from saigon.aws.exceptions import MissingExtraError

try:
    import saigon.orm.connection  # noqa: F401  # tells early which extra is missing
except ModuleNotFoundError as _error:
    raise MissingExtraError("sqs", _error.name) from _error

from saigon.aws.sqs._pipeline import ForwarderHook
from saigon.aws.sqs.builders import (
    BatchStatementBuilder,
    SqlStatementBuilder,
    TableStatementBuilder,
)
from saigon.aws.sqs.config import ForwarderConfig, OnConflict
from saigon.aws.sqs.dead_letters import dead_letter_ddl, dead_letter_request, dead_letter_table
from saigon.aws.sqs.decoders import gunzip_base64
from saigon.aws.sqs.exceptions import (
    DatabaseUnavailableError,
    FailedMessagesError,
    ForwarderConfigError,
    ForwarderError,
    MessageRejectedError,
    PayloadRefusedError,
    PayloadUnavailableError,
    QueueError,
    StatementRefusedError,
)
from saigon.aws.sqs.forwarder import SqsToRdsForwarder
from saigon.aws.sqs.inbox import Inbox, inbox_ddl, inbox_table
from saigon.aws.sqs.metrics import CloudWatchMetrics
from saigon.aws.sqs.payloads import S3Payloads
from saigon.aws.sqs.results import ForwardResult, MessageFailure, RowCounts

__all__ = [
    "BatchStatementBuilder",
    "CloudWatchMetrics",
    "DatabaseUnavailableError",
    "FailedMessagesError",
    "ForwardResult",
    "ForwarderConfig",
    "ForwarderConfigError",
    "ForwarderError",
    "ForwarderHook",
    "Inbox",
    "MessageFailure",
    "MessageRejectedError",
    "OnConflict",
    "PayloadRefusedError",
    "PayloadUnavailableError",
    "QueueError",
    "RowCounts",
    "S3Payloads",
    "SqlStatementBuilder",
    "SqsToRdsForwarder",
    "StatementRefusedError",
    "TableStatementBuilder",
    "dead_letter_ddl",
    "dead_letter_request",
    "dead_letter_table",
    "gunzip_base64",
    "inbox_ddl",
    "inbox_table",
]
