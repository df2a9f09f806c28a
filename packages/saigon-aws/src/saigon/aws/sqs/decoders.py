"""Ready functions for ``ForwarderConfig(decode=…)``."""

import gzip
from base64 import b64decode
from collections.abc import Callable
from io import BytesIO

from saigon.aws.sqs.exceptions import MessageRejectedError

__all__ = ["gunzip_base64"]


def gunzip_base64(*, max_bytes: int = 10 * 1024 * 1024) -> Callable[[str], bytes]:
    """Return a decoder of gzip in base64.

    Args:
        max_bytes: The most bytes that a body may become; a larger one makes its message a bad
            one, and is not unpacked any further.
    """

    def decode(body: str) -> bytes:
        with gzip.open(BytesIO(b64decode(body))) as file:
            text = file.read(max_bytes + 1)
        if len(text) > max_bytes:
            raise MessageRejectedError(f"the body has more than {max_bytes} bytes unpacked")
        return text

    return decode
