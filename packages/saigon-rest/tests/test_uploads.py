import base64
import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from saigon.rest import exceptions
from saigon.rest.client import RestClientBase

SIGNED = "X-Amz-Date=20260517T115500Z&X-Amz-Expires=600&X-Amz-Signature=hidden"


@pytest.fixture
def client(server: Any, naps: list[float], now: datetime) -> Iterator[RestClientBase]:
    with RestClientBase(
        server.url,
        headers={"Authorization": "of this client"},
        sleep=naps.append,
        clock=lambda: now,
    ) as client:
        yield client


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "report.csv"
    path.write_bytes(b"a,b\n1,2\n")
    return path


def url(server: Any, query: str = SIGNED) -> str:
    return f"{server.url}/bucket/key?{query}"


def test_a_file_is_put_with_its_length_and_no_credentials(
    client: RestClientBase, server: Any, file: Path
) -> None:
    server.answer(200, ETag='"e"', x_amz_request_id="id")
    upload = client.upload_file_to_url(url(server), file)
    seen = server.seen[0]
    assert (seen.method, seen.body, seen.headers["Content-Length"]) == ("PUT", b"a,b\n1,2\n", "8")
    assert {"Authorization", "Transfer-Encoding", "Content-Type"}.isdisjoint(seen.headers)
    assert (upload.status, upload.etag, upload.request_id, upload.attempts) == (200, '"e"', "id", 1)


def test_an_empty_file_has_a_length(client: RestClientBase, server: Any) -> None:
    client.upload_file_to_url(url(server), io.BytesIO())
    assert server.seen[0].headers["Content-Length"] == "0"
    assert "Transfer-Encoding" not in server.seen[0].headers


def test_an_open_file_is_sent_from_where_it_stands(
    client: RestClientBase, server: Any, file: Path
) -> None:
    told: list[tuple[int, int | None]] = []
    with file.open("rb") as source:
        source.seek(4)
        client.upload_file_to_url(
            url(server), source, progress=lambda done, length: told.append((done, length))
        )
        assert not source.closed
    assert (server.seen[0].body, told) == (b"1,2\n", [(4, 4)])


def test_an_upload_is_tried_again_from_the_start(
    client: RestClientBase, server: Any, file: Path
) -> None:
    server.answer(503)
    assert client.upload_file_to_url(url(server), file).attempts == 2
    assert server.seen[0].body == server.seen[1].body


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Date=20260517T110000Z&X-Amz-Expires=600&X-Amz-Signature=hidden",
        "AWSAccessKeyId=k&Expires=1000&Signature=hidden",
        "X-Amz-Date=yesterday&X-Amz-Expires=600",
        "Expires=999999999999999999",
        SIGNED + "&X-Amz-SignedHeaders=content-type%3Bhost",
        SIGNED + "&X-Amz-SignedHeaders=host%3Bx-amz-acl",
    ],
    ids=["expired", "expired, version 2", "malformed", "far", "content type", "another header"],
)
def test_a_url_that_would_be_refused_is_not_called(
    client: RestClientBase, server: Any, file: Path, query: str
) -> None:
    with pytest.raises(exceptions.PresignedUrlError) as caught:
        client.upload_file_to_url(url(server, query), file)
    assert not server.seen
    assert "hidden" not in str(caught.value)


def test_what_was_signed_is_sent(client: RestClientBase, server: Any, file: Path) -> None:
    client.upload_file_to_url(
        url(server, SIGNED + "&X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-acl"),
        file,
        content_type="text/csv",
        headers={"X-Amz-Acl": "private"},
    )
    seen = server.seen[0].headers
    assert (seen["Content-Type"], seen["X-Amz-Acl"]) == ("text/csv", "private")


def test_a_refusal_of_s3_tells_its_code_and_not_the_url(
    client: RestClientBase, server: Any, file: Path
) -> None:
    server.answer(403, "<Error><Code>AccessDenied</Code></Error>")
    with pytest.raises(exceptions.ForbiddenError) as caught:
        client.upload_file_to_url(url(server), file)
    assert caught.value.code == "AccessDenied"
    assert "hidden" not in f"{caught.value} {caught.value.__context__}"


def test_a_dead_address_does_not_tell_the_url(
    client: RestClientBase, dead_url: str, file: Path
) -> None:
    with pytest.raises(exceptions.ConnectError) as caught:
        client.upload_file_to_url(f"{dead_url}/key?{SIGNED}", file)
    assert "hidden" not in f"{caught.value} {caught.value.__context__}"


@pytest.mark.parametrize("source", [io.StringIO("text"), iter([b"x"])], ids=["text", "iterator"])
def test_what_is_no_seekable_binary_file_is_refused(
    client: RestClientBase, server: Any, source: Any
) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="'rb'"):
        client.upload_file_to_url(url(server), source)
    assert not server.seen


def test_a_large_file_takes_little_memory(
    client: RestClientBase, server: Any, tmp_path: Path
) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(30_000_000)
    length = 0

    def discard(handler: Any) -> None:
        nonlocal length
        left = int(handler.headers["Content-Length"])
        while left:
            chunk = len(handler.rfile.read(min(left, 65536)))
            left, length = left - chunk, length + chunk
        handler.send_response_only(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server.respond = discard
    tracemalloc.start()
    client.upload_file_to_url(url(server), path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert length == 30_000_000
    assert peak < 5_000_000


def policy(now: datetime, **conditions: str) -> str:
    document = {
        "expiration": (now + timedelta(minutes=5)).isoformat().replace("+00:00", "Z"),
        "conditions": [
            conditions,
            ["eq", "$x-own", "1"],
            ["content-length-range", 0, 100],
        ],
    }
    return base64.b64encode(json.dumps(document).encode()).decode()


def parts(seen: Any) -> list[Message]:
    head = f"Content-Type: {seen.headers['Content-Type']}\r\n\r\n".encode()
    payload = message_from_bytes(head + seen.body).get_payload()
    assert isinstance(payload, list)
    return [part for part in payload if isinstance(part, Message)]


def test_a_form_is_posted_with_its_file_last(
    client: RestClientBase, server: Any, file: Path, now: datetime
) -> None:
    server.answer(503)
    server.answer(204, ETag='"e"')
    fields = {"key": 'a "b"', "Content-Type": "text/csv", "policy": policy(now, key="x")}
    with pytest.raises(exceptions.ServerError):
        client.upload_file_to_form(f"{server.url}/bucket", fields, file)
    client.upload_file_to_form(f"{server.url}/bucket", fields, file, filename='r"1".csv')
    seen = server.seen[1]
    *others, last = parts(seen)
    assert [part.get_param("name", header="content-disposition") for part in others] == list(fields)
    assert [part.get_payload() for part in others] == list(fields.values())
    assert last.get_filename() == "r%221%22.csv"
    assert last.get_content_type() == "text/csv"
    assert last.get_payload(decode=True) == b"a,b\n1,2\n"
    assert seen.headers["Content-Length"] == str(len(seen.body))
    assert "Authorization" not in seen.headers


@pytest.mark.parametrize(
    "make",
    [
        lambda now: {"policy": policy(now - timedelta(hours=1))},
        lambda now: {"policy": "no policy"},
        lambda now: {"policy": base64.b64encode(b"[]").decode()},
        lambda now: {"policy": base64.b64encode(b'{"expiration": "soon"}').decode()},
        lambda now: {
            "policy": policy(now, **{"Content-Type": "text/csv"}),
            "Content-Type": "text/plain",
        },
    ],
    ids=["expired", "no base64", "no object", "no date", "content type"],
)
def test_a_form_that_would_be_refused_is_not_sent(
    client: RestClientBase, server: Any, file: Path, now: datetime, make: Any
) -> None:
    with pytest.raises(exceptions.PresignedUrlError):
        client.upload_file_to_form(f"{server.url}/bucket", make(now), file)
    assert not server.seen


@pytest.mark.parametrize("where", ["http://[bad", "ftp://x", "http://x:99999/"])
def test_what_is_no_url_is_refused(client: RestClientBase, file: Path, where: str) -> None:
    with pytest.raises(exceptions.PresignedUrlError):
        client.upload_file_to_url(where, file)
    with pytest.raises(exceptions.PresignedUrlError):
        client.upload_file_to_form(where, {}, file)
