"""The pointer that AWS's Extended Client Libraries send in place of a large payload.

``["software.amazon.payloadoffloading.PayloadS3Pointer", {"s3BucketName": …, "s3Key": …}]``, and
the payload's size in bytes as an attribute of the message. What SNS delivers without raw delivery
has both of them in its envelope.

See:
    https://github.com/awslabs/payload-offloading-java-common-lib-for-aws
    https://github.com/awslabs/amazon-sqs-python-extended-client-lib
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from saigon.aws.sqs.exceptions import MessageRejectedError

# The second name is what the first versions wrote, and newer ones write when told to.
_START: Final = re.compile(
    r'\s*\[\s*"(?:software\.amazon\.payloadoffloading\.PayloadS3Pointer'
    r'|com\.amazon\.sqs\.javamessaging\.MessageS3Pointer)"'
)
_SIZES: Final = ("ExtendedPayloadSize", "SQSLargePayloadSize")


@dataclass(frozen=True, slots=True)
class PayloadPointer:
    """Where a payload is, as its producer says; nothing of it is checked yet."""

    bucket: str = field(repr=False)
    key: str = field(repr=False)
    size: int | None
    """Its bytes, where the message says how many they are."""


def is_pointer(text: str | bytes) -> bool:
    """Tell whether a text stands for a payload that is somewhere else."""
    return _START.match(text if isinstance(text, str) else text.decode("latin-1")) is not None


def read_pointer(text: str | bytes, attributes: Mapping[str, Any]) -> PayloadPointer:
    """Return what a text points to.

    Args:
        text: The pointer.
        attributes: The message's, as SQS has them or as an envelope of SNS has.

    Raises:
        MessageRejectedError: It is broken.
    """
    try:
        _, place = json.loads(text)
        bucket, key = place["s3BucketName"], place["s3Key"]
        size = _payload_size(attributes)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        bucket = key = size = None
    # Outside of the block: the errors hold the message.
    if not isinstance(bucket, str) or not isinstance(key, str):
        raise MessageRejectedError("the pointer to a large payload is broken")
    return PayloadPointer(bucket, key, size)


def announced_size(text: str, attributes: Mapping[str, Any]) -> int:
    """Return the bytes that a text points to as far as it says, 0 where it is not a pointer."""
    try:
        return max(read_pointer(text, attributes).size or 0, 0) if is_pointer(text) else 0
    except MessageRejectedError:
        return 0


def _payload_size(attributes: Mapping[str, Any]) -> int | None:
    for name in _SIZES:
        if name in attributes:
            attribute = attributes[name]
            return int(
                attribute["StringValue"] if "StringValue" in attribute else attribute["Value"]
            )
    return None
