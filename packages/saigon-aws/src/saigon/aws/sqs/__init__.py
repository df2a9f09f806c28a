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
from saigon.aws.sqs.exceptions import (
    DatabaseUnavailableError,
    FailedMessagesError,
    ForwarderConfigError,
    ForwarderError,
    MessageRejectedError,
    QueueError,
    StatementRefusedError,
)
from saigon.aws.sqs.forwarder import SqsToRdsForwarder
from saigon.aws.sqs.results import ForwardResult, MessageFailure, RowCounts

__all__ = [
    "BatchStatementBuilder",
    "DatabaseUnavailableError",
    "FailedMessagesError",
    "ForwardResult",
    "ForwarderConfig",
    "ForwarderConfigError",
    "ForwarderError",
    "ForwarderHook",
    "MessageFailure",
    "MessageRejectedError",
    "OnConflict",
    "QueueError",
    "RowCounts",
    "SqlStatementBuilder",
    "SqsToRdsForwarder",
    "StatementRefusedError",
    "TableStatementBuilder",
]
