import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

import pytest

from saigon.rest.exceptions import SigningError


def test_a_file_is_signed_from_where_it_stands_and_put_back_there(
    signed: Callable[..., Any],
) -> None:
    file = io.BytesIO(b"head some bytes")
    file.seek(5)
    r = signed("PUT", data=file)
    assert r.headers["Authorization"] == signed("PUT", data=b"some bytes").headers["Authorization"]
    assert (file.tell(), r.headers["Content-Length"]) == (5, "10")


def test_a_generator_is_read_once_and_kept(signed: Callable[..., Any]) -> None:
    parts = iter([b"some", bytearray(b" "), memoryview(b"bytes")])
    r = signed("PUT", data=(part for part in parts))
    assert r.headers["Authorization"] == signed("PUT", data=b"some bytes").headers["Authorization"]
    assert r.body == b"some bytes"
    assert list(parts) == []


def test_a_large_generator_is_spooled_to_a_file(
    signed: Callable[..., Any], wire: Callable[..., Any], botocore_authorization: Callable[..., str]
) -> None:
    r = signed("PUT", data=(b"x" * 1_000_000 for _ in range(3)))
    assert r.headers["Content-Length"] == "3000000"
    assert hasattr(r.body, "read")
    sent = wire(r)
    assert sent.body == b"x" * 3_000_000
    assert sent.authorization == botocore_authorization(sent)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_an_empty_file_has_a_length(method: str, signed: Callable[..., Any]) -> None:
    r = signed(method, data=io.BytesIO())
    assert r.headers["Content-Length"] == "0"
    assert "Transfer-Encoding" not in r.headers
    assert r.headers["Authorization"] == signed(method).headers["Authorization"]


@pytest.mark.filterwarnings("ignore::requests.exceptions.FileModeWarning")
def test_a_text_mode_file_is_refused(tmp_path: Path, signed: Callable[..., Any]) -> None:
    path = tmp_path / "text"
    path.write_text("x")
    with path.open() as file, pytest.raises(SigningError, match="'rb'"):
        signed("PUT", data=file)
    with pytest.raises(SigningError, match="text-mode"):
        signed("PUT", data=io.StringIO("x"))
    with SpooledTemporaryFile(mode="w+") as spooled:
        spooled.write("x")
        spooled.seek(0)
        with pytest.raises(SigningError, match="text-mode"):
            signed("PUT", data=spooled)


def test_a_file_that_gives_text_whatever_it_calls_itself_is_refused(
    signed: Callable[..., Any],
) -> None:
    class Disguised:
        mode = "rb"

        def __init__(self) -> None:
            self._text = io.StringIO("text")
            self.read, self.seek, self.tell = self._text.read, self._text.seek, self._text.tell

        def __iter__(self) -> Any:
            return iter(self._text)

    with pytest.raises(SigningError, match="text"):
        signed("PUT", data=Disguised())


def test_a_generator_of_text_is_refused(signed: Callable[..., Any]) -> None:
    with pytest.raises(SigningError, match="str"):
        signed("PUT", data=(part for part in ["text"]))


@pytest.mark.parametrize("body", [12, memoryview(b"x")], ids=["a number", "a view of memory"])
def test_what_is_no_body_is_refused(body: object, signed: Callable[..., Any]) -> None:
    with pytest.raises(SigningError, match="expected bytes"):
        signed("PUT", data=body)


def test_a_member_of_an_archive_is_no_text(tmp_path: Path, signed: Callable[..., Any]) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("member", b"some bytes")
        with archive.open("member") as member:
            r = signed("PUT", data=member)
    assert r.headers["Authorization"] == signed("PUT", data=b"some bytes").headers["Authorization"]
