"""The fields of a form: what cannot be sent, what the file is called and what it is."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saigon.rest import exceptions
from saigon.rest.client import RestClientBase

OPEN_TYPE = ["starts-with", "$Content-Type", "text/"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"key": "k", "file": "x"}, "named 'file'"),
        ({"key": "k", "File": "x"}, "named 'file'"),
        ({"acl": "private"}, "no field 'key'"),
        ({"key": "k", "KEY": "k"}, "same name"),
        ({"key": "k", "acl": None}, "'acl' is no text"),
        ({"key": "k", 5: "five"}, "5 is no text"),
        ({"key": "k", "success_action_status": 201}, "'success_action_status' is no text"),
        ({"key": "k", "policy": "e30="}, "without a signature"),
        ({"key": "k", "success_action_redirect": "http://x"}, "redirected"),
        ({"key": "k", "redirect": "http://x"}, "redirected"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_fields_that_cannot_be_meant_are_refused(
    *, client: RestClientBase, server: Any, form_url: str, file: Path, fields: Any, reason: str
) -> None:
    with pytest.raises(exceptions.PresignedUrlError, match=reason):
        client.upload_file_to_form(form_url, fields, file)
    assert not server.seen


@pytest.mark.parametrize("where", ["http://[bad", "ftp://x", "http://x:99999/", "/b/.."])
def test_a_form_goes_to_a_url(client: RestClientBase, file: Path, where: str) -> None:
    with pytest.raises(exceptions.PresignedUrlError):
        client.upload_file_to_form(where, {"key": "k"}, file)


def test_the_fields_come_in_their_order_and_the_file_last(
    *,
    client: RestClientBase,
    server: Any,
    form_url: str,
    form: Callable[..., Any],
    parts: Callable[[Any], Any],
    file: Path,
) -> None:
    fields = form({"z": "1"}, {"a": "2"}, z="1", a="2")
    client.upload_file_to_form(form_url, fields, file)
    names = [part.get_param("name", header="content-disposition") for part in parts(server.seen[0])]
    assert names == [*fields, "file"]


@pytest.fixture
def sent_file(
    client: RestClientBase, server: Any, form_url: str, file: Path, parts: Callable[[Any], Any]
) -> Callable[..., tuple[str, str]]:
    """Send a form; gives the name and the type of its file."""

    def send(fields: dict[str, str], source: Any = None, **options: Any) -> tuple[str, str]:
        client.upload_file_to_form(form_url, fields, source or file, **options)
        last = parts(server.seen[-1])[-1]
        return last.get_filename(), last["Content-Type"]

    return send


def test_a_file_is_called_as_its_path_ends(
    sent_file: Callable[..., tuple[str, str]], form: Callable[..., Any]
) -> None:
    assert sent_file(form())[0] == "report.csv"


def test_an_open_file_has_no_name(
    sent_file: Callable[..., tuple[str, str]], form: Callable[..., Any], file: Path
) -> None:
    with file.open("rb") as source:
        assert sent_file(form(), source)[0] == "file"


@pytest.mark.parametrize("name", ["/etc/a.csv", "C:\\data\\a.csv", "../a.csv", "a.csv"])
def test_nothing_before_a_slash_is_sent_of_a_name(
    sent_file: Callable[..., tuple[str, str]],
    server: Any,
    form: Callable[..., Any],
    name: str,
) -> None:
    assert sent_file(form(), filename=name)[0] == "a.csv"
    assert b"etc" not in server.seen[0].body
    assert b"data\\" not in server.seen[0].body


def test_an_empty_name_is_refused(
    client: RestClientBase, form_url: str, form: Callable[..., Any], file: Path
) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="name is empty"):
        client.upload_file_to_form(form_url, form(), file, filename="folder/")


def test_a_form_that_asks_for_the_name_of_an_open_file_is_refused(
    client: RestClientBase, server: Any, form_url: str, form: Callable[..., Any]
) -> None:
    fields = form() | {"key": "up/${filename}"}
    with pytest.raises(exceptions.PresignedUrlError, match="give a filename"):
        client.upload_file_to_form(form_url, fields, io.BytesIO(b"x"))
    client.upload_file_to_form(form_url, fields, io.BytesIO(b"x"), filename="a.csv")
    assert b"up/${filename}" in server.seen[0].body


def test_a_content_type_field_is_the_files_too(
    sent_file: Callable[..., tuple[str, str]], form: Callable[..., Any]
) -> None:
    fields = form(OPEN_TYPE, Content_Type="text/csv")
    assert sent_file(fields)[1] == "text/csv"
    assert sent_file(form())[1] == "application/octet-stream"


def test_a_content_type_that_the_policy_leaves_open_becomes_a_field(
    sent_file: Callable[..., tuple[str, str]],
    server: Any,
    form: Callable[..., Any],
    parts: Callable[[Any], Any],
) -> None:
    fields = form(OPEN_TYPE)
    assert sent_file(fields, content_type="text/csv")[1] == "text/csv"
    *_, field, _last = parts(server.seen[0])
    assert field.get_param("name", header="content-disposition") == "Content-Type"
    assert field.get_payload() == "text/csv"
    assert "Content-Type" not in fields


@pytest.mark.parametrize(
    ("conditions", "fields", "reason"),
    [
        ([OPEN_TYPE], {"Content_Type": "text/plain"}, "says another content type"),
        ([], {}, "allows no content type"),
        ([["starts-with", "$content-type", "image/"]], {}, "another beginning"),
        ([{"Content-Type": "text/plain"}], {}, "another value"),
    ],
    ids=["field", "none", "beginning", "value"],
)
def test_a_content_type_that_the_form_contradicts_is_refused(
    client: RestClientBase,
    server: Any,
    form_url: str,
    form: Callable[..., Any],
    file: Path,
    *,
    conditions: Any,
    fields: Any,
    reason: str,
) -> None:
    with pytest.raises(exceptions.PresignedUrlError, match=reason):
        client.upload_file_to_form(
            form_url, form(*conditions, **fields), file, content_type="text/csv"
        )
    assert not server.seen


def test_a_content_type_with_a_line_end_is_refused(
    client: RestClientBase, server: Any, form_url: str, file: Path
) -> None:
    for content_type in ("text/csv\r\nX-Amz-Acl: public-read", "text/€"):
        with pytest.raises(exceptions.InvalidRequestError, match="content type"):
            client.upload_file_to_form(form_url, {"key": "k"}, file, content_type=content_type)
    assert not server.seen
