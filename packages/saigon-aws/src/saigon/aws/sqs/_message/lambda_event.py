"""Read the messages of a Lambda event, and refuse what is not one of the queue's."""

from collections.abc import Mapping

from saigon.aws._envelopes import EnvelopeError, SqsRecord, sqs_records
from saigon.aws.sqs._message.received import ReceivedMessage, from_record
from saigon.aws.sqs.exceptions import ForwarderConfigError


def messages_of(event: object, queue_url: str) -> list[ReceivedMessage]:
    """Return the messages of an event, in its order.

    Raises:
        ForwarderConfigError: It is not an event of SQS, or holds messages of another queue.
    """
    records = _records(event)
    arns = {record.queue_arn for record in records}
    others = {arn for arn in arns if not _is_of(arn, queue_url)}
    if others:
        raise ForwarderConfigError(
            f"expected messages of {queue_url}, got those of {', '.join(sorted(others))}"
        )
    return [_message(record) for record in records]


def _records(event: object) -> list[SqsRecord]:
    if not isinstance(event, Mapping):
        raise _refusal(f"got {type(event).__name__}")
    try:
        return sqs_records(event)
    except EnvelopeError as error:
        raise _refusal(str(error)) from error


def _message(record: SqsRecord) -> ReceivedMessage:
    try:
        return from_record(record)
    except (ValueError, LookupError, TypeError) as error:
        kind = type(error).__name__
    # Outside of the block: the error may quote the message.
    raise _refusal(f"the attributes of message {record.message_id} can not be read: {kind}")


def _refusal(what: str) -> ForwarderConfigError:
    return ForwarderConfigError(f"expected an event of SQS: {what}")


def _is_of(queue_arn: str, queue_url: str) -> bool:
    """Tell whether a queue's name, and its account where the URL names one, are those of a URL.

    Handles of one queue delete nothing in its namesake of another account.
    """
    *_, arn_account, arn_name = f":{queue_arn}".split(":")
    *_, account, name = f"/{queue_url}".split("/")
    return name == arn_name and (account == arn_account or not account.isdigit())
