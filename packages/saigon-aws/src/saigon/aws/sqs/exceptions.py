"""The errors of ``saigon.aws.sqs``.

::

    SaigonAwsError
     +-- ForwarderError
          +-- ForwarderConfigError        (also a ValueError)
          +-- MessageRejectedError        one message is bad; the others are not
          +-- FailedMessagesError         raised to Lambda once the good ones are committed
          +-- DatabaseUnavailableError    an outage: nothing is wrong with the messages
          +-- StatementRefusedError       our fault: a table, a column or a permission is missing
          +-- PayloadUnavailableError     an outage of S3, where large payloads are
          +-- PayloadRefusedError         our fault: S3 does not let us read payloads
          +-- QueueError                  SQS refused, or did not answer
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from saigon.aws.exceptions import SaigonAwsError

if TYPE_CHECKING:
    from saigon.aws.sqs.results import MessageFailure

__all__ = [
    "DatabaseUnavailableError",
    "FailedMessagesError",
    "ForwarderConfigError",
    "ForwarderError",
    "MessageRejectedError",
    "PayloadRefusedError",
    "PayloadUnavailableError",
    "QueueError",
    "StatementRefusedError",
]


_NAMED = 10  # messages in an error's text


class ForwarderError(SaigonAwsError):
    """The root of what the forwarder raises of its own."""


class ForwarderConfigError(ForwarderError, ValueError):
    """The forwarder was asked for something that could lose, double or mix up messages."""


class MessageRejectedError(ForwarderError):
    """A message can not be stored: it is not the model, or the database refused its rows.

    A statement builder raises it too, to call a message bad. The text is the reason and is
    logged and sent along with dead letters, so it must not quote the message.
    """


class FailedMessagesError(ForwarderError):
    """Messages of a Lambda event failed; the others are committed and deleted.

    Attributes:
        failures: The messages that failed, with their reasons.
    """

    def __init__(self, failures: "Sequence[MessageFailure]") -> None:
        ids = ", ".join(failure.message_id for failure in failures[:_NAMED])
        rest = ", …" if len(failures) > _NAMED else ""
        super().__init__(f"{len(failures)} messages failed, the others are committed: {ids}{rest}")
        self.failures: tuple[MessageFailure, ...] = tuple(failures)


class DatabaseUnavailableError(ForwarderError):
    """The database can not be written to now; the messages stay in the queue."""


class StatementRefusedError(ForwarderError):
    """The database does not know or does not permit the statement; no message is to blame."""


class PayloadUnavailableError(ForwarderError):
    """S3 can not give a payload now; the messages stay in the queue."""


class PayloadRefusedError(ForwarderError):
    """S3 does not permit payloads to be read; no message is to blame."""


class QueueError(ForwarderError):
    """SQS refused a request or could not be reached.

    Attributes:
        code: The error code of AWS, or the name of the client's error.
        retryable: The same request may succeed later.
    """

    def __init__(self, message: str, *, code: str, retryable: bool) -> None:
        super().__init__(message)
        self.code: str = code
        self.retryable: bool = retryable
