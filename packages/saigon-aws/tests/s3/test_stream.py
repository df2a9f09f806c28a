"""Connections that break in ways no server on loopback can bring about."""

from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError, ResponseStreamingError
from urllib3.exceptions import SSLError

from saigon.aws.s3 import S3IntegrityError
from saigon.aws.s3._descriptor import S3ObjectDescriptor
from saigon.aws.s3._stream import ObjectStream

OBJECT = S3ObjectDescriptor(Bucket="bucket", Key="key")
BREAKS = [
    SSLError("bad record"),
    ReadTimeoutError(endpoint_url="https://x"),
    ResponseStreamingError(error="reset"),
]


class ScriptedBody:
    """Gives bytes and raises errors in the order of a script."""

    def __init__(self, *script: bytes | Exception) -> None:
        self._script = list(script)

    def read(self, size: int) -> bytes:
        step = self._script.pop(0) if self._script else b""
        if isinstance(step, Exception):
            raise step
        return step

    def close(self) -> None:
        pass


class ScriptedClient:
    def __init__(self, *responses: dict[str, Any]) -> None:
        self._responses = list(responses)
        self.requests: list[dict[str, Any]] = []

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        self.requests.append(arguments)
        return {"ETag": '"e"', **self._responses.pop(0)}


def read_all(client: Any) -> bytes:
    with ObjectStream(client, OBJECT) as stream:
        return b"".join(iter(stream.read, b""))


@pytest.mark.parametrize("error", BREAKS, ids=lambda error: type(error).__name__)
def test_whatever_breaks_the_connection_the_rest_is_asked_for(error: Exception) -> None:
    client = ScriptedClient(
        {"Body": ScriptedBody(b"abc", error), "ContentLength": 5},
        {"Body": ScriptedBody(b"de"), "ContentLength": 2, "ContentRange": "bytes 3-4/5"},
    )
    assert read_all(client) == b"abcde"
    assert client.requests[1] == {**OBJECT, "Range": "bytes=3-4", "IfMatch": '"e"'}


def test_a_break_after_the_last_byte_is_the_end() -> None:
    client = ScriptedClient({"Body": ScriptedBody(b"abc", BREAKS[0]), "ContentLength": 3})
    assert read_all(client) == b"abc"
    assert len(client.requests) == 1


@pytest.mark.parametrize("content_range", [None, "bytes 0-4/5", "bytes 3-4/6"])
def test_a_rest_from_another_place_is_refused(content_range: str | None) -> None:
    placed = {} if content_range is None else {"ContentRange": content_range}
    client = ScriptedClient(
        {"Body": ScriptedBody(b"abc", BREAKS[0]), "ContentLength": 5},
        {"Body": ScriptedBody(b"abcde"), "ContentLength": 5, **placed},
    )
    with pytest.raises(S3IntegrityError):
        read_all(client)


def test_fewer_bytes_than_were_told_are_refused() -> None:
    client = ScriptedClient({"Body": ScriptedBody(b"abc"), "ContentLength": 5})
    with pytest.raises(S3IntegrityError, match="3 of 5 bytes"):
        read_all(client)
