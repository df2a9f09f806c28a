"""How the forwarder receives, writes, retries and gives up."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from saigon.aws.sqs.payloads import S3Payloads

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

    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 500
    """The most messages that the worker writes in one transaction.

    It divides no receive: of ten messages, where the size is ten or more. Under Lambda the event
    is the batch.
    """
    max_batch_bytes: Annotated[int, Field(ge=1)] = 8 * 1024 * 1024
    """The most bytes of bodies in one transaction; a single receive may have more."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    """How many receives, and how many deletes, the worker makes at once."""
    max_in_flight: Annotated[int, Field(ge=10, le=20_000)] = 2_000
    """The most messages that the worker has received and not settled; ten of them per receive.

    SQS allows 120,000 for a queue, and 20,000 for a FIFO queue whose limit is the older one.
    """
    max_in_flight_bytes: Annotated[int, Field(ge=1)] = 32 * 1024 * 1024
    """From so many bytes of their bodies on, nothing further is received."""
    wait_seconds: Annotated[int, Field(ge=0, le=20)] = 20
    """How long a receive waits for messages (long polling)."""
    visibility_timeout: Annotated[int, Field(ge=2, le=43_200)] = 60
    """How long a received message stays hidden, in seconds; extended at half of it."""
    max_attempts: _Attempts | None = None
    """A bad message goes to ``dead_letter`` once it was received this often, redrive policy or not.

    None leaves it to the queue's policy, and where there is none copies it at once.
    """
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
    """How many seconds messages are hidden when Lambda meets an outage, or a worker must end."""
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
    """Turns what the producer sent into JSON, for encodings such as base64 or gzip.

    A ``ValueError`` or ``MessageRejectedError``, or what ``gzip`` and ``zlib`` raise, calls the
    message bad.
    """
    large_payloads: S3Payloads | None = None
    """Where payloads are that are too large for SQS; without it their messages are bad ones."""
