"""What may be sent: regular files of bytes, as long as they say."""

import gzip
import io
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import pytest

from saigon.rest import exceptions
from saigon.rest.client import RestClientBase


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    return path


@pytest.fixture
def text_file(file: Path) -> Iterator[Any]:
    with file.open() as source:
        yield source


def test_a_pipe_is_refused_without_waiting_for_its_writer(
    client: RestClientBase, put_url: Callable[..., str], pipe: Path
) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="regular file"):
        client.upload_file_to_url(put_url(), pipe)


def test_a_directory_is_refused(
    client: RestClientBase, put_url: Callable[..., str], tmp_path: Path
) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="regular file"):
        client.upload_file_to_url(put_url(), str(tmp_path))


def test_an_open_device_is_refused(client: RestClientBase, put_url: Callable[..., str]) -> None:
    with (
        Path(os.devnull).open("rb") as device,
        pytest.raises(exceptions.InvalidRequestError, match="regular file"),
    ):
        client.upload_file_to_url(put_url(), device)


def test_the_reading_end_of_a_pipe_is_refused(
    client: RestClientBase, put_url: Callable[..., str]
) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    with (
        os.fdopen(reading, "rb") as source,
        pytest.raises(exceptions.InvalidRequestError, match="'rb'"),
    ):
        client.upload_file_to_url(put_url(), source)


def test_a_path_that_leads_nowhere_is_an_error_of_the_system(
    client: RestClientBase, put_url: Callable[..., str], tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        client.upload_file_to_url(put_url(), tmp_path / "nowhere")


def test_a_text_mode_file_is_refused(
    client: RestClientBase, put_url: Callable[..., str], text_file: Any
) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="'rb'"):
        client.upload_file_to_url(put_url(), text_file)


class Texts:
    """Gives text and says nothing of a mode."""

    def read(self, size: int = -1) -> str:
        return "text"[:size]

    def seek(self, *where: int) -> int:
        return 0

    def tell(self) -> int:
        return 0


@pytest.mark.parametrize(
    "source",
    [io.StringIO("text"), Texts(), iter([b"x"]), b"content", 3],
    ids=["text", "text without a mode", "iterator", "bytes", "number"],
)
def test_what_is_no_seekable_binary_file_is_refused(
    client: RestClientBase, server: Any, put_url: Callable[..., str], source: Any
) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="'rb'"):
        client.upload_file_to_url(put_url(), source)
    assert not server.seen


def test_a_closed_file_is_refused(
    client: RestClientBase, put_url: Callable[..., str], file: Path
) -> None:
    with closing(file.open("rb")) as source:
        pass
    with pytest.raises(exceptions.InvalidRequestError, match="'rb'"):
        client.upload_file_to_url(put_url(), source)


def test_a_file_that_is_open_for_writing_alone_is_refused(
    client: RestClientBase, put_url: Callable[..., str], file: Path
) -> None:
    with file.open("ab") as source, pytest.raises(exceptions.InvalidRequestError, match="'rb'"):
        client.upload_file_to_url(put_url(), source)


def test_a_file_that_does_not_know_its_length_is_refused(
    client: RestClientBase, put_url: Callable[..., str], tmp_path: Path
) -> None:
    class Endless(io.BytesIO):
        def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
            if whence == io.SEEK_END:
                raise ValueError("seeking from the end is not supported")
            return super().seek(offset, whence)

    with pytest.raises(exceptions.InvalidRequestError, match="length"):
        client.upload_file_to_url(put_url(), Endless(b"x"))


class EmptyUntilRead(io.BytesIO):
    """Is as long as it is when it is read, like the files of ``/proc``."""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return super().seek(0 if whence == io.SEEK_END else offset)


def test_a_file_that_is_empty_until_it_is_read_is_not_sent_as_an_empty_one(
    client: RestClientBase, server: Any, put_url: Callable[..., str]
) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="length"):
        client.upload_file_to_url(put_url(), EmptyUntilRead(b"content"))
    assert not server.seen


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
def test_a_path_into_proc_is_refused(client: RestClientBase, put_url: Callable[..., str]) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="length"):
        client.upload_file_to_url(put_url(), "/proc/self/status")


def test_of_a_file_that_stands_behind_its_end_nothing_is_left(
    client: RestClientBase, server: Any, put_url: Callable[..., str]
) -> None:
    source = io.BytesIO(b"123")
    source.seek(10)
    client.upload_file_to_url(put_url(), source)
    assert server.seen[0].headers["Content-Length"] == "0"


def test_a_mapped_file_is_sent(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    with file.open("rb") as opened, mmap(opened.fileno(), 0, access=ACCESS_READ) as mapped:
        mapped.seek(4)
        source: Any = mapped
        server.answer(503)
        client.upload_file_to_url(put_url(), source)
    assert [seen.body for seen in server.seen] == [b"1,2\n"] * 2


def test_a_compressed_file_is_sent_uncompressed(
    client: RestClientBase, server: Any, put_url: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"12345"))
    with gzip.open(path) as source:
        file: Any = source
        client.upload_file_to_url(put_url(), file)
    assert server.seen[0].body == b"12345"


def test_of_a_file_that_grows_the_announced_length_is_sent(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    content = file.read_bytes()

    def grow(done: int, length: int | None) -> None:
        with file.open("ab") as more:
            more.write(b"more")

    client.upload_file_to_url(put_url(), file, progress=grow)
    assert server.seen[0].body == content
    assert server.seen[0].headers["Content-Length"] == "8"


@pytest.mark.parametrize("left", [0, 3])
def test_a_file_that_shrinks_is_an_error_and_not_sent_again(
    *,
    client: RestClientBase,
    server: Any,
    put_url: Callable[..., str],
    file: Path,
    left: int,
    told: list[Any],
) -> None:
    def shrink(done: int, length: int | None) -> None:
        told.append(done)
        os.truncate(file, left)

    with pytest.raises(exceptions.FileChangedError, match=f"had 8 bytes and has {left} now"):
        client.upload_file_to_url(put_url(), file, progress=shrink, timeout=5)
    assert told.count(0) == 1


def test_a_file_that_shrinks_between_two_tries_is_an_error(
    client: RestClientBase, server: Any, form_url: str, put_url: Callable[..., str], file: Path
) -> None:
    server.answer(503)
    begun = 0

    def shrink(done: int, length: int | None) -> None:
        nonlocal begun
        begun += done == 0
        if begun == 2:
            os.truncate(file, 1)

    with pytest.raises(exceptions.FileChangedError):
        client.upload_file_to_url(put_url(), file, progress=shrink)


@pytest.mark.parametrize("error", [OSError(5, "EIO"), BrokenPipeError(), ConnectionResetError()])
def test_what_reading_the_file_raises_is_not_taken_for_the_network(
    client: RestClientBase, put_url: Callable[..., str], error: OSError
) -> None:
    class Broken(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            if size:
                self.reads += 1
                raise error
            return b""

    source = Broken(b"content")
    with pytest.raises(type(error)) as caught:
        client.upload_file_to_url(put_url(), source)
    assert caught.value is error
    assert source.reads == 1
