"""What tells messages apart in an inbox: a digest of their keys."""

import enum
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from pydantic import BaseModel

from saigon.aws.sqs._database.fit import names_of, scalars
from saigon.aws.sqs._message.parser import BAD_VALUE
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs.exceptions import ForwarderConfigError, MessageRejectedError

Key: TypeAlias = str | Sequence[str] | Callable[[Any], str] | None

_KINDS: Final = (str, int, UUID, bytes, date, enum.Enum)  # bool and datetime are such, too


class InboxKey:
    """Digests the keys of one consumer's messages.

    Raises:
        ForwarderConfigError: A field is not in the model, may be missing, or is of a type whose
            values are not surely told apart.
    """

    def __init__(self, key: Key, message_type: type[BaseModel], consumer: str) -> None:
        self._key = key if key is None or callable(key) else names_of(key)
        self._consumer = consumer
        if isinstance(self._key, tuple):
            _check_fields(self._key, message_type)

    def digest(self, message: ReceivedMessage, parsed: BaseModel) -> bytes:
        """Return the SHA-256 of the message's key and of the consumer.

        Raises:
            MessageRejectedError: The message has no key.
            ForwarderConfigError: The key is the MessageId, and the message is from no queue.
        """
        parts = [_tagged(part) for part in self._parts(message, parsed)]
        # As JSON, so that no two lists of parts have the same text.
        return hashlib.sha256(json.dumps([self._consumer, *parts]).encode()).digest()

    def _parts(self, message: ReceivedMessage, parsed: BaseModel) -> Sequence[Any]:
        if self._key is None:
            return [_message_id(message)]
        if isinstance(self._key, tuple):
            parts = [getattr(parsed, name) for name in self._key]
            if any(part is None for part in parts) or all(part == "" for part in parts):
                raise MessageRejectedError(f"a message lacks its key: {', '.join(self._key)}")
            return parts
        return [_computed(self._key, parsed)]


def _message_id(message: ReceivedMessage) -> str:
    if not message.message_id:
        raise ForwarderConfigError(
            "the inbox tells messages apart by their MessageId, and this one is from no queue: "
            "give Inbox(key=…)"
        )
    return message.message_id


def _computed(key: Callable[[Any], str], parsed: BaseModel) -> str:
    try:
        computed: object = key(parsed)
    except BAD_VALUE as error:
        reason = f"its key could not be computed: {type(error).__name__}"
    else:
        if isinstance(computed, str) and computed:
            return computed
        reason = "its key is not a text, or empty"
    # Outside of the block: the error may quote the message.
    raise MessageRejectedError(reason)


def _tagged(part: Any) -> tuple[str, str]:
    """Return a value as a text beside the name of its kind, so that 1 is not "1"."""
    match part:
        case enum.Enum():
            return _tagged(part.value)
        case str():
            return "text", str(part)
        case bytes():
            return "bytes", part.hex()
        case datetime() if part.tzinfo is not None:
            return "instant", part.astimezone(UTC).isoformat()
        case _ if isinstance(part, _KINDS):
            return type(part).__name__, str(part)
        case _:
            raise ForwarderConfigError(f"a key of the inbox is a {type(part).__name__}")


def _check_fields(names: tuple[str, ...], message_type: type[BaseModel]) -> None:
    misfits = list(_misfits(names, message_type))
    if misfits:
        raise ForwarderConfigError(
            f"{message_type.__name__} does not fit the inbox: " + "; ".join(misfits)
        )


def _misfits(names: tuple[str, ...], message_type: type[BaseModel]) -> Iterator[str]:
    if not names:
        yield "expected the names of fields, got none"
    fields = message_type.model_fields
    for name in names:
        if name not in fields:
            yield f"key {name!r} is not a field"
        elif not fields[name].is_required():
            # A default, such as a new UUID, would give each delivery a key of its own.
            yield f"key {name!r} has a default; expected a field that every message brings"
        elif not all(issubclass(kind, _KINDS) for kind in scalars(fields[name].annotation)):
            yield f"key {name!r} is of a type without one text for each value; give a function"
