"""What may be asked for: any method, path, query, headers and kind of body."""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import strategies as st

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PROPFIND")
PLAIN = st.text("abcXYZ019-._~", max_size=3)
# What a URL holds as it is, and what it holds escaped, in either spelling.
UNICODE = ("é", "日本", "\U0001f600")
ODD = ("b c", ":@", "!$'()*,;", "+", "a+b", "~", "|^`", "{}", '"<>', "\\", "[x]")
ESCAPED = ("%20", "%25", "%2525", "%2B", "%2b", "%26", "%3D", "%3F", "%23", "%C3%A9", "%c3%a9")
RAW_BYTES = ("%ff", "%FF%00", "%0a", "%7e", "%41")
DOTS = (".", "..", "%2E", "%2e%2e", ".%2E", "...", "..a")
SLASHES = ("", "%2F", "%2f", "a%2Fb")
NAMES = ("id", "id-type", "ID", "id=", "id%3D", "a", "", "-", "_", "~")
CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/?#%&=+")
ANY_TEXT = st.text(CHARACTERS, max_size=3)

SEGMENTS = st.lists(
    st.sampled_from((*UNICODE, *ODD, *ESCAPED, *RAW_BYTES, *DOTS, *SLASHES, "&", "="))
    | PLAIN
    | ANY_TEXT,
    max_size=3,
).map("".join)
PATHS = st.lists(SEGMENTS, max_size=4).map(lambda segments: "/" + "/".join(segments))
VALUES = st.sampled_from((*UNICODE, *ODD, *ESCAPED, *RAW_BYTES, "/?", "=")) | PLAIN | ANY_TEXT
PAIRS = (
    st.tuples(st.sampled_from(NAMES) | VALUES, VALUES).map("=".join)
    | st.sampled_from((*NAMES, "=", ""))
    | VALUES
)
QUERIES = st.lists(PAIRS, max_size=4).map("&".join)
PARAMS = st.lists(
    st.tuples(
        st.sampled_from(NAMES) | st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    ),
    max_size=3,
)
HEADER_VALUES = st.from_regex(r"([!-~]([ \t!-~]{0,8}[!-~])?[ \t]{0,2})?", fullmatch=True)
HEADERS = st.dictionaries(
    st.sampled_from(
        (
            "Content-Type",
            "X-Amz-Meta",
            "x-AMZ-target",
            "x-amz-0",
            "X-Amzn-Own",
            "IDEMPOTENCY-KEY",
            "User-Agent",
            "X-Own",
        )
    ),
    HEADER_VALUES,
    max_size=4,
)
BODIES = ("none", "bytes", "bytearray", "str", "form", "file", "middle", "empty file", "generator")
MORE_BODIES = ("empty generator", "BytesIO", "spooled", "pipe")
HOSTS = (
    ("https://h.example", "h.example"),
    ("https://H.Example:443", "h.example"),
    ("https://h.example:8443", "H.example:8443"),
    ("http://h.example:80", "h.example:80"),
    ("http://h.example:443", "h.example:443"),
    ("https://[::1]:8443", "[::1]:8443"),
    ("http://[::1]", "[::1]"),
    ("http://user:pw@h.example", "h.example"),
)


@dataclass(frozen=True)
class Asked:
    """A request as the user of the signer writes it."""

    method: str
    path: str
    query: str
    params: list[tuple[str, str]]
    headers: dict[str, str]
    kind: str
    data: bytes

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def is_key(self) -> bool:
        """Whether the path is one of S3 that ``requests`` can send: it folds slashes in front."""
        sent = requests.Request("GET", f"https://h{self.path}").prepare().url or ""
        return not sent.startswith("https://h//")


@pytest.fixture(scope="session")
def any_request() -> st.SearchStrategy[Asked]:
    kinds = st.sampled_from((*BODIES, *MORE_BODIES))
    data = st.text("aé€\r\n", max_size=8).map(str.encode)
    return st.builds(Asked, st.sampled_from(METHODS), PATHS, QUERIES, PARAMS, HEADERS, kinds, data)


@pytest.fixture(scope="session")
def any_request_to_s3(any_request: st.SearchStrategy[Asked]) -> st.SearchStrategy[Asked]:
    return any_request.filter(lambda asked: asked.is_key)


@pytest.fixture(scope="session")
def any_path() -> st.SearchStrategy[str]:
    return PATHS


@pytest.fixture(scope="session")
def any_query() -> st.SearchStrategy[str]:
    return QUERIES


@pytest.fixture(scope="session")
def any_params() -> st.SearchStrategy[list[tuple[str, str]]]:
    return PARAMS


@pytest.fixture(scope="session", params=HOSTS, ids=[origin for origin, _ in HOSTS])
def any_host(request: pytest.FixtureRequest) -> tuple[str, str]:
    """An origin, and a spelling of it to sign for."""
    origin, known_as = request.param
    return origin, known_as


class Pipe(io.RawIOBase):
    """A file without a position."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(buffer)


@pytest.fixture(scope="session")
def new_body(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[Asked], tuple[Any, bytes]]]:
    """Make the body that was asked for; gives it and the bytes that it is sent as."""
    folder = tmp_path_factory.mktemp("bodies")
    with ExitStack() as stack:
        yield lambda asked: _new_body(asked.kind, asked.data, folder, stack)


def _new_body(kind: str, data: bytes, folder: Path, stack: ExitStack) -> tuple[Any, bytes]:
    if kind in {"none", "empty file", "empty generator"}:
        data = b""
    stack.close()  # what the request before had open
    makers: dict[str, Callable[[], Any]] = {
        "none": lambda: None,
        "bytes": lambda: data,
        "bytearray": lambda: bytearray(data),
        "str": data.decode,
        "form": lambda: [("a b", data.decode()), ("c", "+")],
        "generator": lambda: (data[at : at + 1] for at in range(len(data))),
        "empty generator": lambda: iter(list[bytes]()),
        "BytesIO": lambda: io.BytesIO(data),
        "pipe": lambda: stack.enter_context(io.BufferedReader(Pipe(data))),
        "spooled": lambda: _spooled(stack, data),
        "file": lambda: _file(folder, stack, data, 0),
        "empty file": lambda: _file(folder, stack, data, 0),
        "middle": lambda: _file(folder, stack, b"head" + data, 4),
    }
    return makers[kind](), _as_form(data) if kind == "form" else data


def _as_form(data: bytes) -> bytes:
    escaped = {"€": b"%E2%82%AC", "é": b"%C3%A9", "\r": b"%0D", "\n": b"%0A", "a": b"a"}
    return b"a+b=" + b"".join(escaped[character] for character in data.decode()) + b"&c=%2B"


def _spooled(stack: ExitStack, data: bytes) -> Any:
    return _filled(stack.enter_context(tempfile.SpooledTemporaryFile()), data, 0)


def _file(folder: Path, stack: ExitStack, data: bytes, at: int) -> Any:
    return _filled(stack.enter_context((folder / "body").open("w+b")), data, at)


def _filled(file: Any, data: bytes, at: int) -> Any:
    file.write(data)
    file.seek(at)
    return file
