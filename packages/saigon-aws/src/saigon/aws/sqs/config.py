"""How the forwarder receives, writes, retries and gives up."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["ForwarderConfig", "OnConflict"]

_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Visibility = Annotated[int, Field(ge=0, le=43_200)]
_Attempts = Annotated[int, Field(ge=1)]


class OnConflict(StrEnum):
    """What happens to a message whose key is already in the table."""

    IGNORE = "ignore"
    """The row that is there stays; the message is a duplicate."""
    UPDATE = "update"
    """The newer row wins, by the column named in ``newer_by``."""
    ERROR = "error"
    """The message has failed. A redelivery of a stored message fails too."""


class ForwarderConfig(BaseModel):
    """The settings of a forwarder; the defaults suit messages of some kilobytes."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 100
    """The most messages that the worker writes in one transaction."""
    max_batch_bytes: Annotated[int, Field(ge=1)] = 8 * 1024 * 1024
    """No further messages are received for a batch that is larger than this many bytes."""
    wait_seconds: Annotated[int, Field(ge=0, le=20)] = 20
    """How long a receive waits for messages (long polling)."""
    visibility_timeout: Annotated[int, Field(ge=2, le=43_200)] = 60
    """How long a received message stays hidden, in seconds; extended at half of it."""
    max_attempts: _Attempts | None = None
    """A bad message received this often goes to ``dead_letter`` even under a redrive policy."""
    retry_delay: _Visibility = 5
    """The first bad message's hiding time in seconds; doubled with each receive."""
    max_retry_delay: _Visibility = 900
    """The longest time in seconds that a bad message is hidden."""
    transaction_attempts: _Attempts = 5
    """How often a transaction is tried that ended in a deadlock or serialization failure."""
    delete_attempts: _Attempts = 3
    """How often a delete that failed in part is tried."""
    backoff_seconds: _Seconds = 0.1
    """The first pause before a transaction or delete is tried again; doubled, with jitter."""
    probe_seconds: _Seconds = 1.0
    """The first pause before a database or queue in an outage is asked again; doubled."""
    max_probe_seconds: _Seconds = 30.0
    """The longest pause between two such probes."""
    outage_visibility: _Visibility = 300
    """How long Lambda's messages are hidden in seconds when the database is down."""
    time_reserve: _Seconds = 2.0
    """Seconds of a Lambda invocation that are kept for deleting and answering."""
    partial_responses: bool = False
    """Answer Lambda with ``batchItemFailures`` instead of raising.

    Only where the event source mapping has ``ReportBatchItemFailures``: without it AWS ignores the
    answer and deletes the failed messages.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    envelope: Literal["none", "sns", "eventbridge"] = "none"
    """What wraps the message in the body: nothing, an SNS notification or an EventBridge event."""
    decode: Callable[[str], str | bytes] | None = None
    """Turns the body into JSON before anything else, for encodings such as base64 or gzip.

    A ``ValueError`` or ``MessageRejectedError``, or what ``gzip`` and ``zlib`` raise, calls the
    message bad.
    """
