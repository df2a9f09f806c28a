import gzip
import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from saigon.rest import exceptions
from saigon.rest.client import RestClientBase


class Item(BaseModel):
    name: str
    note: str | None = None


@dataclass
class Point:
    x: int
    y: float = 0.5


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ([Item(name="a")], b'[{"name":"a","note":null}]'),
        ({"item": Item(name="a"), "n": None}, b'{"item":{"name":"a","note":null},"n":null}'),
        (Point(1), b'{"x":1,"y":0.5}'),
        ("text", b'"text"'),
        (7, b"7"),
        ({"x": float("nan")}, b'{"x":null}'),
        ((1, 2), b"[1,2]"),
    ],
    ids=range(7),
)
def test_what_json_can_hold_is_sent_as_json(
    client: RestClientBase, server: Any, body: Any, sent: bytes
) -> None:
    client.create_resource("/", body)
    assert (server.seen[0].body, server.seen[0].headers["Content-Type"]) == (
        sent,
        "application/json",
    )


def test_a_patch_holds_only_what_was_set(client: RestClientBase, server: Any) -> None:
    client.patch_resource("/", Item(name="a"))
    client.patch_resource("/", [Item(name="a"), Item(name="b", note=None)])
    client.patch_resource("/", {"note": None})
    assert [seen.body for seen in server.seen] == [
        b'{"name":"a"}',
        b'[{"name":"a"},{"name":"b","note":null}]',
        b'{"note":null}',
    ]


@pytest.mark.parametrize("body", [object(), {"a": {1: object()}}, memoryview(b"x")], ids=range(3))
def test_what_json_cannot_hold_is_refused(client: RestClientBase, server: Any, body: Any) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="JSON"):
        client.create_resource("/", body)
    assert not server.seen


@pytest.mark.parametrize(
    "make",
    [lambda: b"raw", lambda: bytearray(b"raw"), lambda: io.BytesIO(b"raw")],
    ids=["bytes", "bytearray", "file"],
)
def test_bytes_and_files_are_sent_as_they_are(
    client: RestClientBase, server: Any, make: Callable[[], Any]
) -> None:
    client.create_resource("/files", make(), headers={"Content-Type": "text/csv"})
    assert (server.seen[0].body, server.seen[0].headers["Content-Type"]) == (b"raw", "text/csv")
    assert server.seen[0].headers["Content-Length"] == "3"


def test_an_iterator_is_sent_in_chunks_and_an_empty_file_is_not(
    client: RestClientBase, server: Any
) -> None:
    client.create_resource("/files", iter([b"ab", b"c"]))
    client.create_resource("/files", io.BytesIO())
    assert (server.seen[0].body, server.seen[0].headers["Transfer-Encoding"]) == (b"abc", "chunked")
    assert server.seen[1].headers["Content-Length"] == "0"
    assert "Transfer-Encoding" not in server.seen[1].headers


def test_a_body_without_end_is_sent_as_it_comes(client: RestClientBase, server: Any) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"piped\n")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        client.create_resource("/files", pipe)
    assert (server.seen[0].body, len(server.seen)) == (b"piped\n", 1)


def test_a_file_that_is_read_otherwise_than_stored_has_the_length_that_is_read(
    client: RestClientBase, server: Any, tmp_path: Path
) -> None:
    (tmp_path / "f.gz").write_bytes(gzip.compress(b"x" * 10_000))
    with gzip.open(tmp_path / "f.gz", "rb") as file:
        client.create_resource("/files", file)
    assert server.seen[0].body == b"x" * 10_000


def test_a_text_mode_file_is_refused(client: RestClientBase, server: Any, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x")
    with (
        (tmp_path / "text").open() as file,
        pytest.raises(exceptions.InvalidRequestError, match="'rb'"),
    ):
        client.create_resource("/files", file)
    assert not server.seen


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding"])
def test_only_the_body_tells_its_length(client: RestClientBase, server: Any, name: str) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="length"):
        client.create_resource("/files", iter([b"a"]), headers={name: "1"})
    assert not server.seen


def test_a_body_that_fails_does_not_spoil_the_connection(
    client: RestClientBase, server: Any
) -> None:
    def pieces() -> Any:
        yield b"begun"
        raise LookupError

    with pytest.raises(LookupError):
        client.create_resource("/files", pieces())
    client.request("GET", "/next")
    assert server.seen[-1].target == "/next"
