"""Bodies, envelopes and encodings become models or reasons."""

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, field_validator
from sqlalchemy import Column, MetaData, String, Table

from saigon.aws.sqs import ForwarderConfig, MessageRejectedError

Make = Callable[..., Any]
ORDER = {"id": "a", "item": "tea", "version": 1}
SNS = {"Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": json.dumps(ORDER)}
GZIPPED = gzip.compress(json.dumps(ORDER).encode(), mtime=0)
EVENT = {"id": "e", "source": "s", "detail-type": "d", "detail": ORDER}


def gunzip(body: str) -> bytes:
    return gzip.decompress(base64.b64decode(body))


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({}, json.dumps(ORDER)),
        ({"envelope": "sns"}, json.dumps(SNS)),
        ({"envelope": "eventbridge"}, json.dumps(EVENT)),
        ({"decode": base64.b64decode}, base64.b64encode(json.dumps(ORDER).encode()).decode()),
        ({"decode": gunzip}, base64.b64encode(GZIPPED).decode()),
    ],
)
def test_a_body_is_unwrapped_as_configured(
    options: dict[str, Any], body: str, make_forwarder: Make, stored: Callable[[], dict[str, str]]
) -> None:
    make_forwarder(config=ForwarderConfig(**options)).forward_message(body)
    assert stored() == {"a": "tea"}


@pytest.mark.parametrize(
    ("options", "body", "reason"),
    [
        ({"envelope": "sns"}, json.dumps(ORDER), "expected an SNS notification"),
        ({"envelope": "eventbridge"}, json.dumps(ORDER), "EventBridge event"),
        ({"envelope": "sns"}, "secret", "expected JSON"),
        ({"decode": base64.b64decode}, "secret", "could not be decoded: Error"),
        (
            {},
            '{"id": "secret", "item": [1], "version": 1}',
            r"not a valid Order: item \(string_type\)$",
        ),
        ({}, '"secret"', r"not a valid Order: \(model_type\)$"),
    ],
)
def test_a_broken_body_is_rejected_without_being_quoted(
    options: dict[str, Any], body: str, reason: str, make_forwarder: Make
) -> None:
    forwarder = make_forwarder(config=ForwarderConfig(**options))
    with pytest.raises(MessageRejectedError, match=reason) as caught:
        forwarder.forward_message(body)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (b"not gzip", "BadGzipFile"),
        (GZIPPED[:30], "EOFError"),
        (GZIPPED[:10] + b"\xff" * 40, "error"),
    ],
    ids=["not gzip", "cut off", "corrupt"],
)
def test_a_broken_encoding_is_the_messages_fault(
    encoded: bytes, reason: str, make_forwarder: Make
) -> None:
    forwarder = make_forwarder(config=ForwarderConfig(decode=gunzip))
    with pytest.raises(MessageRejectedError, match=f"could not be decoded: {reason}$"):
        forwarder.forward_message(base64.b64encode(encoded).decode())


def test_what_a_validator_raises_is_the_messages_fault_and_not_quoted(make_forwarder: Make) -> None:
    class Message(BaseModel):
        id: str

        @field_validator("id", mode="before")
        @classmethod
        def known(cls, value: str) -> str:
            names: dict[str, str] = {}
            return names[value]  # a KeyError, which pydantic lets through

    things = Table("things", MetaData(), Column("id", String(9), primary_key=True))
    forwarder = make_forwarder(message_type=Message, target=things)
    with pytest.raises(MessageRejectedError, match=r"^not a valid Message: KeyError$") as caught:
        forwarder.forward_message('{"id": "secret"}')
    assert caught.value.__context__ is None
