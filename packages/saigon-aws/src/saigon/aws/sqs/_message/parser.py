"""From the body of a message to the model, or to a reason without its contents."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar, cast

from pydantic import BaseModel, Field, ValidationError, create_model

from saigon.aws._envelopes import EnvelopeError, unwrap_sns
from saigon.aws.sqs._message.exact_numbers import ExactNumbers
from saigon.aws.sqs._message.input_names import input_names
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs._payload.fetcher import PayloadFetcher
from saigon.aws.sqs._payload.pointers import PayloadPointer, is_pointer, read_pointer
from saigon.aws.sqs.config import ForwarderConfig
from saigon.aws.sqs.exceptions import MessageRejectedError

ModelT = TypeVar("ModelT", bound=BaseModel)

Content: TypeAlias = str | bytes | MessageRejectedError
"""What the producer sent, or why it can not be read."""

BAD_VALUE: Final = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RecursionError,
)
"""What code of the user raises when it is given a message that it can not handle."""

_BAD_CODING: Final = (*BAD_VALUE, EOFError, zlib.error, gzip.BadGzipFile)

_SHOWN: Final = 5
_DETAIL: Final = ("detail",)

_Location: TypeAlias = tuple[int | str, ...]
_NO_PAYLOADS: Final = (
    "the body points to a large payload in S3, and ForwarderConfig.large_payloads is not set"
)


class _Event(BaseModel):
    """What an EventBridge rule delivers, read together with its detail: nothing is read twice."""

    id: str
    source: str
    detail_type: Annotated[str, Field(alias="detail-type")]
    detail: Any


class MessageParser(Generic[ModelT]):
    """Opens, decodes and validates bodies, as the configuration says.

    In the order in which senders put one around the other: SNS's envelope, the pointer to a large
    payload, the encoding, EventBridge's envelope, the model.
    """

    def __init__(self, message_type: type[ModelT], config: ForwarderConfig) -> None:
        self._message_type = message_type
        self._is_sns = config.envelope == "sns"
        self._event_type = (
            create_model("EventBridgeEvent", __base__=_Event, detail=(message_type, ...))
            if config.envelope == "eventbridge"
            else None
        )
        self._decode = config.decode
        payloads = config.large_payloads
        self._fetcher = None if payloads is None else PayloadFetcher(payloads)
        self._exact = ExactNumbers(self._event_type or message_type)
        self._names = _names(message_type)

    def contents(
        self, messages: Sequence[ReceivedMessage], *, deadline: float = float("inf")
    ) -> Iterator[Content | None]:
        """Yield what each message's producer sent, out of envelopes of SNS and out of S3.

        Args:
            messages: The messages.
            deadline: The monotonic time after which no payload is waited for: then there is None.

        Raises:
            PayloadUnavailableError: S3 can not give a payload now.
            PayloadRefusedError: S3 does not permit payloads to be read.
        """
        if self._fetcher is None and not self._is_sns:
            return (message.body for message in messages)
        opened = [self._opened(message) for message in messages]
        return self._fetched(opened, deadline)

    def parse(self, content: Content) -> ModelT:
        """Return the message as a model.

        Raises:
            MessageRejectedError: It is not one; the reason names fields and kinds of error.
        """
        if isinstance(content, MessageRejectedError):
            raise content
        try:
            return self._validated(self._exact.kept(self._decoded(content)))
        except MessageRejectedError as error:
            failure = error
        if self._fetcher is None and is_pointer(content):
            failure = MessageRejectedError(_NO_PAYLOADS)
        raise failure

    def _opened(self, message: ReceivedMessage) -> Content | PayloadPointer:
        body, attributes = message.body, message.attributes
        try:
            if self._is_sns:
                notification = unwrap_sns(body)
                body, attributes = notification.message, notification.attributes
            if self._fetcher is not None and is_pointer(body):
                return read_pointer(body, attributes)
        except EnvelopeError as error:
            return MessageRejectedError(str(error))
        except MessageRejectedError as error:
            return error
        return body

    def _fetched(
        self, opened: Sequence[Content | PayloadPointer], deadline: float
    ) -> Iterator[Content | None]:
        pointers = [found for found in opened if isinstance(found, PayloadPointer)]
        payloads = iter(self._fetcher.fetch_all(pointers, deadline) if self._fetcher else ())
        for found in opened:
            yield next(payloads) if isinstance(found, PayloadPointer) else found

    def _decoded(self, content: str | bytes) -> str | bytes:
        if self._decode is None:
            return content
        try:
            return self._decode(content if isinstance(content, str) else content.decode())
        except _BAD_CODING as error:
            reason = f"the body could not be decoded: {type(error).__name__}"
        raise MessageRejectedError(reason)

    def _validated(self, text: str | bytes) -> ModelT:
        try:
            if self._event_type is None:
                return self._message_type.model_validate_json(text)
            return cast("ModelT", self._event_type.model_validate_json(text).detail)
        except ValidationError as error:
            reason = self._reason(error)
        except BAD_VALUE as error:  # of a validator; pydantic catches ValueError alone
            reason = f"not a valid {self._message_type.__name__}: {type(error).__name__}"
        # Outside of the block: these errors hold the message.
        raise MessageRejectedError(reason)

    def _reason(self, error: ValidationError) -> str:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        found = [(one["loc"], one["type"]) for one in errors]
        if self._event_type is not None:
            around = [one for one in found if one[0][:1] != _DETAIL or one == (_DETAIL, "missing")]
            if around:
                return f"not a valid EventBridge event: {_described(around, _names(_Event))}"
            found = [(location[1:], kind) for location, kind in found]
        return f"not a valid {self._message_type.__name__}: {_described(found, self._names)}"


def _names(model: type[BaseModel]) -> frozenset[str]:
    fields = model.model_fields.items()
    return frozenset(found for name, field in fields for found in input_names(name, field))


def _described(found: Sequence[tuple[_Location, str]], names: frozenset[str]) -> str:
    # A name that the model does not know is the sender's own text.
    firsts = [(location[0] if location else "", kind) for location, kind in found[:_SHOWN]]
    shown = [f"{name} ({kind})" if name in names else f"({kind})" for name, kind in firsts]
    rest = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return ", ".join(shown + rest)
