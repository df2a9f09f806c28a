"""What really arrived on a socket is what was signed, whatever was asked for."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

REQUEST_LINE = re.compile(
    rb"[A-Z]+ /(?:[A-Za-z0-9._~/-]|%[0-9A-F]{2})*(?:\?(?:[A-Za-z0-9._~=&-]|%[0-9A-F]{2})+)?"
    rb" HTTP/1\.1"
)


# A request that hangs is not made smaller: each try would hang as long.
ONCE = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(deadline=None, max_examples=200, phases=ONCE)
@given(data=st.data())
def test_what_arrives_is_what_was_signed(
    data: Any,
    any_request: Any,
    send: Callable[..., tuple[Any, bytes]],
    is_signed_right: Callable[..., bool],
) -> None:
    arrived, body = send(data.draw(any_request))
    assert REQUEST_LINE.fullmatch(arrived.line)
    assert len(arrived.lines) == len(arrived.headers)
    assert "transfer-encoding" not in arrived.headers
    assert arrived.headers.get("content-length", "0") == str(len(body))
    assert arrived.body == body
    assert arrived.headers["x-amz-content-sha256"] == hashlib.sha256(body).hexdigest()
    assert is_signed_right(arrived)


@settings(deadline=None, max_examples=100, phases=ONCE)
@given(data=st.data())
def test_a_key_of_s3_arrives_as_it_was_signed(
    data: Any,
    any_request_to_s3: Any,
    send: Callable[..., tuple[Any, bytes]],
    is_signed_right: Callable[..., bool],
) -> None:
    asked = data.draw(any_request_to_s3)
    arrived, _ = send(asked, "s3")
    assert REQUEST_LINE.fullmatch(arrived.line)
    assert is_signed_right(arrived, "s3")
