"""From the body of a message to the model, or to a reason without its contents."""

import gzip
import json
import zlib
from typing import Final, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from saigon.aws._envelopes import EnvelopeError, unwrap_event_bridge, unwrap_sns
from saigon.aws.sqs.config import ForwarderConfig
from saigon.aws.sqs.exceptions import MessageRejectedError

ModelT = TypeVar("ModelT", bound=BaseModel)

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


class MessageParser(Generic[ModelT]):
    """Decodes, unwraps and validates bodies, as the configuration says."""

    def __init__(self, message_type: type[ModelT], config: ForwarderConfig) -> None:
        self._message_type = message_type
        self._envelope = config.envelope
        self._decode = config.decode
        self._names = _input_names(message_type)

    def parse(self, body: str | bytes) -> ModelT:
        """Return the message as a model.

        Raises:
            MessageRejectedError: It is not one; the reason names fields and kinds of error.
        """
        text = self._unwrap(self._decoded(body))
        try:
            return self._message_type.model_validate_json(text)
        except ValidationError as error:
            reason = self._reason(error)
        except BAD_VALUE as error:  # of a validator; pydantic catches ValueError alone
            reason = f"not a valid {self._message_type.__name__}: {type(error).__name__}"
        # Outside of the block: these errors hold the message.
        raise MessageRejectedError(reason)

    def _decoded(self, body: str | bytes) -> str | bytes:
        if self._decode is None:
            return body
        try:
            return self._decode(body if isinstance(body, str) else body.decode())
        except _BAD_CODING as error:
            reason = f"the body could not be decoded: {type(error).__name__}"
        raise MessageRejectedError(reason)

    def _unwrap(self, text: str | bytes) -> str | bytes:
        try:
            if self._envelope == "sns":
                return unwrap_sns(text).message
            if self._envelope == "eventbridge":
                return json.dumps(unwrap_event_bridge(text).detail)
        except EnvelopeError as error:
            raise MessageRejectedError(str(error)) from error
        return text

    def _reason(self, error: ValidationError) -> str:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        shown = [self._described(found["loc"], found["type"]) for found in errors[:_SHOWN]]
        rest = [f"and {len(errors) - _SHOWN} more"] if len(errors) > _SHOWN else []
        return f"not a valid {self._message_type.__name__}: " + ", ".join(shown + rest)

    def _described(self, location: tuple[int | str, ...], kind: str) -> str:
        # A name that the model does not know is the sender's own text.
        name = location[0] if location else ""
        return f"{name} ({kind})" if name in self._names else f"({kind})"


def _input_names(message_type: type[BaseModel]) -> frozenset[str]:
    fields = message_type.model_fields
    aliases = {alias for field in fields.values() if isinstance(alias := field.alias, str)}
    return frozenset(fields) | aliases
