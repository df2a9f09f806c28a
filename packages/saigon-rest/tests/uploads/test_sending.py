"""What goes over the wire: the file, whole, with its length."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saigon.rest import exceptions
from saigon.rest.client import RestClientBase


def test_a_file_is_put_with_its_length(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    server.answer(200, ETag='"e"', x_amz_request_id="id")
    upload = client.upload_file_to_url(put_url(), file)
    seen = server.seen[0]
    assert (seen.method, seen.body, seen.headers["Content-Length"]) == ("PUT", b"a,b\n1,2\n", "8")
    assert {"Transfer-Encoding", "Content-Type", "Expect"}.isdisjoint(seen.headers)
    assert (upload.status, upload.etag, upload.request_id, upload.attempts) == (200, '"e"', "id", 1)


def test_a_file_is_posted_with_the_length_of_its_form(
    client: RestClientBase, server: Any, form_url: str, form: Callable[..., Any], file: Path
) -> None:
    server.answer(204, ETag='"e"')
    upload = client.upload_file_to_form(form_url, form(), file)
    seen = server.seen[0]
    assert (seen.method, seen.headers["Content-Length"]) == ("POST", str(len(seen.body)))
    assert "Transfer-Encoding" not in seen.headers
    assert (upload.status, upload.etag) == (204, '"e"')


def test_an_empty_file_has_a_length(
    client: RestClientBase, server: Any, put_url: Callable[..., str]
) -> None:
    client.upload_file_to_url(put_url(), io.BytesIO())
    assert server.seen[0].headers["Content-Length"] == "0"
    assert "Transfer-Encoding" not in server.seen[0].headers


def test_an_empty_file_is_a_part_of_a_form(
    client: RestClientBase,
    server: Any,
    form_url: str,
    form: Callable[..., Any],
    parts: Callable[[Any], Any],
) -> None:
    client.upload_file_to_form(form_url, form(), io.BytesIO())
    assert parts(server.seen[0])[-1].get_payload(decode=True) == b""


def test_an_open_file_is_sent_from_where_it_stands(
    *,
    client: RestClientBase,
    server: Any,
    put_url: Callable[..., str],
    form_url: str,
    form: Callable[..., Any],
    parts: Callable[[Any], Any],
    file: Path,
) -> None:
    with file.open("rb") as source:
        source.seek(4)
        client.upload_file_to_url(put_url(), source)
        source.seek(4)
        client.upload_file_to_form(form_url, form(), source)
        assert not source.closed
    assert server.seen[0].body == b"1,2\n"
    assert parts(server.seen[1])[-1].get_payload(decode=True) == b"1,2\n"


def test_a_member_of_an_archive_is_sent(
    client: RestClientBase, server: Any, put_url: Callable[..., str], tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("member", b"12345")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive, archive.open("member") as member:
        client.upload_file_to_url(put_url(), member)
    assert server.seen[0].body == b"12345"


@pytest.mark.parametrize("answers", [[503], [500, 429]], ids=["once", "twice"])
def test_a_put_is_tried_again_from_the_start(
    client: RestClientBase,
    server: Any,
    put_url: Callable[..., str],
    file: Path,
    answers: list[int],
) -> None:
    for status in answers:
        server.answer(status)
    upload = client.upload_file_to_url(put_url(), file)
    assert upload.attempts == len(answers) + 1
    assert [seen.body for seen in server.seen] == [file.read_bytes()] * upload.attempts


def test_a_connection_that_breaks_is_tried_again_from_the_start(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    server.answer(hang_up=True)
    with file.open("rb") as source:
        source.seek(4)
        assert client.upload_file_to_url(put_url(), source).attempts == 2
    assert [seen.body for seen in server.seen] == [b"1,2\n"] * 2


def test_a_form_is_sent_once(
    client: RestClientBase, server: Any, form_url: str, form: Callable[..., Any], file: Path
) -> None:
    server.answer(503)
    with pytest.raises(exceptions.ServerError):
        client.upload_file_to_form(form_url, form(), file)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "target",
    [
        "/b/a%20b%2Bc%C3%A9%2F%3F~!'()*$&@=:,;",
        "/b/a+b//c///d",
        "/b/%E2%82%AC/100%25",
        "/b/...",
    ],
    ids=["escaped", "plus and slashes", "percent", "dots"],
)
def test_the_url_is_sent_as_it_was_signed(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path, target: str
) -> None:
    url = put_url().replace("/bucket/key", target, 1)
    client.upload_file_to_url(url, file)
    assert server.seen[0].target == url.removeprefix(server.url)
