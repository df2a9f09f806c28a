"""What S3 answers when it refuses, and what an error of it tells."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from saigon.rest import exceptions
from saigon.rest.client import RestClientBase, RetryPolicy

LARGE = 32 * 1024 * 1024
DENIED = "<Error><Code>AccessDenied</Code><Message>hidden words</Message></Error>"
REFUSED = (
    "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nx-amz-request-id: id\r\n"
    f"Content-Length: {len(DENIED)}\r\n\r\n{DENIED}"
).encode()


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(LARGE)
    return path


def test_a_refusal_tells_its_code_and_request_id(
    client: RestClientBase,
    server: Any,
    put_url: Callable[..., str],
    file: Path,
    everything: Callable[[BaseException], str],
) -> None:
    server.answer(403, DENIED, x_amz_request_id="id", x_amz_id_2="other")
    with pytest.raises(exceptions.ForbiddenError, match="AccessDenied") as caught:
        client.upload_file_to_url(put_url(), file)
    assert (caught.value.code, caught.value.request_id, caught.value.attempts) == (
        "AccessDenied",
        "id",
        1,
    )
    assert "hidden" not in everything(caught.value)


def test_a_refusal_of_a_form_tells_its_code(
    *,
    client: RestClientBase,
    server: Any,
    form_url: str,
    form: Callable[..., Any],
    file: Path,
    everything: Callable[[BaseException], str],
) -> None:
    server.answer(400, "<Error><Code>EntityTooLarge</Code></Error>")
    fields = form()
    with pytest.raises(exceptions.RequestRejectedError) as caught:
        client.upload_file_to_form(form_url, fields, file)
    assert caught.value.code == "EntityTooLarge"
    assert "hidden" not in everything(caught.value)
    assert fields["policy"] not in everything(caught.value)


@pytest.fixture
def impatient(server: Any, now: datetime) -> Iterator[RestClientBase]:
    with RestClientBase(
        server.url, retry=RetryPolicy(attempts=1), timeout=(5, 0.05), clock=lambda: now
    ) as client:
        yield client


@pytest.fixture
def silent(server: Any) -> Iterator[Any]:
    """The server, but it answers nothing."""
    server.respond = lambda handler: server.release.wait(5)
    yield server
    server.release.set()


def test_a_dead_address_tells_no_query(
    client: RestClientBase,
    dead_url: str,
    put_url: Callable[..., str],
    file: Path,
    everything: Callable[[BaseException], str],
) -> None:
    with pytest.raises(exceptions.ConnectError) as caught:
        client.upload_file_to_url(put_url(at=dead_url), file)
    assert "hidden" not in everything(caught.value)


def test_a_server_that_is_silent_tells_no_query(
    impatient: RestClientBase,
    silent: Any,
    put_url: Callable[..., str],
    file: Path,
    everything: Callable[[BaseException], str],
) -> None:
    with pytest.raises(exceptions.RequestTimeoutError) as caught:
        impatient.upload_file_to_url(put_url(), file)
    assert "hidden" not in everything(caught.value)


def test_a_connection_that_breaks_tells_no_query(
    impatient: RestClientBase,
    server: Any,
    put_url: Callable[..., str],
    file: Path,
    everything: Callable[[BaseException], str],
) -> None:
    server.answer(hang_up=True)
    with pytest.raises(exceptions.TransportError) as caught:
        impatient.upload_file_to_url(put_url(), file)
    assert "hidden" not in everything(caught.value)


def test_no_log_tells_the_query(
    client: RestClientBase,
    server: Any,
    put_url: Callable[..., str],
    file: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.answer(503)
    with caplog.at_level(logging.DEBUG):
        client.upload_file_to_url(put_url(), file)
    assert "/bucket/key" in caplog.text
    assert any(record.name.startswith("urllib3") for record in caplog.records)
    assert "hidden" not in caplog.text
    assert "X-Amz" not in caplog.text


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_endpoint_is_not_followed(
    *,
    client: RestClientBase,
    server: Any,
    put_url: Callable[..., str],
    file: Path,
    status: int,
    everything: Callable[[BaseException], str],
) -> None:
    location = put_url(at="http://bucket.s3.eu-west-1.invalid")
    server.answer(status, "<Error><Code>TemporaryRedirect</Code></Error>", Location=location)
    with pytest.raises(exceptions.RedirectError) as caught:
        client.upload_file_to_url(put_url(), file)
    assert (caught.value.status, caught.value.code) == (status, "TemporaryRedirect")
    assert "hidden" not in everything(caught.value)
    assert len(server.seen) == 1


def test_a_redirect_within_the_endpoint_is_followed_with_the_file(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    server.answer(307, Location="/elsewhere?X-Amz-Signature=other")
    client.upload_file_to_url(put_url(), file)
    assert [seen.body for seen in server.seen] == [file.read_bytes()] * 2
    assert server.seen[1].target == "/elsewhere?X-Amz-Signature=other"


@pytest.mark.parametrize("status", [303, 304])
def test_another_page_is_no_upload(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path, status: int
) -> None:
    server.answer(status, Location="/login")
    with pytest.raises(exceptions.RedirectError, match="another page") as caught:
        client.upload_file_to_url(put_url(), file)
    assert caught.value.status == status


@pytest.mark.parametrize("read", [0, 100_000], ids=["at once", "midway"])
def test_an_answer_before_the_end_of_the_file_is_read(
    client: RestClientBase, wire: Any, put_url: Callable[..., str], large_file: Path, read: int
) -> None:
    def refuse_early(connection: socket.socket, head: bytes) -> None:
        left = read
        while left > 0:
            left -= len(connection.recv(left))
        connection.sendall(REFUSED)
        # Closed with much unread, which resets the connection.

    refusing = wire(refuse_early)
    with pytest.raises(exceptions.ForbiddenError) as caught:
        client.upload_file_to_url(put_url(at=refusing.url), large_file)
    assert (caught.value.code, caught.value.request_id) == ("AccessDenied", "id")
    assert len(refusing.lines) == 1


def test_an_early_answer_to_a_form_is_read(
    client: RestClientBase, wire: Any, form: Callable[..., Any], large_file: Path
) -> None:
    refusing = wire(lambda connection, head: connection.sendall(REFUSED))
    with pytest.raises(exceptions.ForbiddenError) as caught:
        client.upload_file_to_form(refusing.url, form(), large_file)
    assert caught.value.code == "AccessDenied"


def test_a_server_that_stops_reading_is_an_error_in_time(
    client: RestClientBase, wire: Any, form: Callable[..., Any], large_file: Path
) -> None:
    gone = threading.Event()
    stopped = wire(lambda connection, head: gone.wait(5))
    with pytest.raises(exceptions.RequestTimeoutError) as caught:
        client.upload_file_to_form(stopped.url, form(), large_file, timeout=0.1)
    gone.set()
    assert caught.value.attempts == 1


def test_a_key_that_begins_with_a_slash_keeps_it(
    client: RestClientBase, wire: Any, put_url: Callable[..., str], file: Path
) -> None:
    answering = wire(
        lambda connection, head: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    )
    url = put_url(at=answering.url).replace("/bucket/key", "//key")
    client.upload_file_to_url(url, file)
    assert answering.lines[0].startswith(b"PUT //key?X-Amz-Algorithm=")
