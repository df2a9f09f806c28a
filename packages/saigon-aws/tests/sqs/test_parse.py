"""Bodies, envelopes and encodings become models or reasons."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from saigon.aws.sqs import ForwarderConfig, MessageRejectedError

Make = Callable[..., Any]
ORDER = {"id": "a", "item": "tea", "version": 1}
SNS = {"Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": json.dumps(ORDER)}
EVENT = {"id": "e", "source": "s", "detail-type": "d", "detail": ORDER}


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ({}, json.dumps(ORDER)),
        ({"envelope": "sns"}, json.dumps(SNS)),
        ({"envelope": "eventbridge"}, json.dumps(EVENT)),
        ({"decode": base64.b64decode}, base64.b64encode(json.dumps(ORDER).encode()).decode()),
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
            r"not a Order: item \(string_type\)$",
        ),
        ({}, '"secret"', r"not a Order: \(model_type\)$"),
    ],
)
def test_a_broken_body_is_rejected_without_being_quoted(
    options: dict[str, Any], body: str, reason: str, make_forwarder: Make
) -> None:
    forwarder = make_forwarder(config=ForwarderConfig(**options))
    with pytest.raises(MessageRejectedError, match=reason) as caught:
        forwarder.forward_message(body)
    assert "secret" not in str(caught.value)
