import gzip
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from saigon.rest import exceptions
from saigon.rest.client import RestClientBase


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path


def test_a_body_is_downloaded_whole(client: RestClientBase, server: Any, target: Path) -> None:
    server.answer(200, b"x" * 3_000_000)
    told: list[tuple[int, int | None]] = []
    written = client.download_to("/f", str(target), progress=lambda *step: told.append(step))
    assert (written, target.stat().st_size, told[-1]) == (3_000_000, 3_000_000, (3_000_000,) * 2)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert list(target.parent.iterdir()) == [target]


def test_a_compressed_body_is_written_as_it_is_read(
    client: RestClientBase, server: Any, target: Path
) -> None:
    server.answer(200, gzip.compress(b"x" * 10_000), Content_Encoding="gzip")
    told: list[tuple[int, int | None]] = []
    assert client.download_to("/f", target, progress=lambda *step: told.append(step)) == 10_000
    assert target.read_bytes() == b"x" * 10_000
    assert told[-1] == (10_000, None)


def test_an_empty_body_is_an_empty_file(client: RestClientBase, server: Any, target: Path) -> None:
    server.answer(200)
    assert client.download_to("/f", target) == 0
    assert target.read_bytes() == b""


BROKEN = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nhalves",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"whole")[:-1],
]


@pytest.mark.parametrize("answer", BROKEN, ids=["length", "chunks", "no-gzip", "gzip"])
def test_a_download_that_breaks_off_leaves_the_old_file(
    caller: RestClientBase, scripted: Any, steps: Any, target: Path, answer: bytes
) -> None:
    def broken(server: Any, peer: Any, number: int) -> None:
        steps.raw(answer)(server, peer, number)
        peer.sock.close()

    scripted.connection(broken)
    with pytest.raises(exceptions.TransportError):
        caller.download_to("/f", target)
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]
    assert len(scripted.requests) == 1


def test_so_does_one_whose_progress_fails_or_that_is_refused(
    client: RestClientBase, server: Any, target: Path
) -> None:
    def fail(_done: int, _length: int | None) -> None:
        raise KeyboardInterrupt

    server.answer(200, b"new")
    with pytest.raises(KeyboardInterrupt):
        client.download_to("/f", target, progress=fail)
    server.answer(404)
    with pytest.raises(exceptions.NotFoundError):
        client.download_to("/f", target)
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_download_has_the_limit_that_it_is_given(
    caller: RestClientBase, scripted: Any, steps: Any, target: Path, chunked: bool
) -> None:
    scripted.connection(*[steps.answer(200, b"x" * 10, chunked=chunked)] * 2)
    assert caller.download_to("/f", target, max_bytes=10) == 10
    with pytest.raises(exceptions.ResponseTooLargeError, match="more than 9 bytes"):
        caller.download_to("/f", target, max_bytes=9)
    assert target.read_bytes() == b"x" * 10
    assert list(target.parent.iterdir()) == [target]


def test_a_length_beyond_the_limit_is_refused_before_it_is_read(
    caller: RestClientBase, scripted: Any, steps: Any, target: Path
) -> None:
    scripted.connection(steps.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"), steps.stall())
    with pytest.raises(exceptions.ResponseTooLargeError):
        caller.download_to("/f", target, max_bytes=98, timeout=1)


def test_a_new_file_has_the_mode_of_new_files_and_an_old_one_keeps_its_own(
    client: RestClientBase, target: Path
) -> None:
    (target.parent / "other").touch()
    client.download_to("/f", target.parent / "new")
    assert _mode(target.parent / "new") == _mode(target.parent / "other")
    target.chmod(0o640)
    client.download_to("/f", target)
    assert _mode(target) == 0o640


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_link_stays_one(client: RestClientBase, server: Any, target: Path) -> None:
    link = target.parent / "link"
    link.symlink_to("file")
    server.answer(200, b"new")
    client.download_to("/f", link)
    assert (link.is_symlink(), target.read_bytes()) == (True, b"new")


def test_what_is_no_place_for_a_file_is_refused_before_anything_is_sent(
    client: RestClientBase, server: Any, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    for destination, error in (
        (tmp_path / "missing" / "f", FileNotFoundError),
        (tmp_path, IsADirectoryError),
        (tmp_path / "pipe", FileExistsError),
    ):
        with pytest.raises(error):
            client.download_to("/f", destination)
    assert not server.seen


def test_a_name_may_be_as_long_as_names_can_be(client: RestClientBase, tmp_path: Path) -> None:
    client.download_to("/f", tmp_path / ("n" * 255))


def test_two_downloads_to_one_file_leave_one_of_them(
    caller: RestClientBase, scripted: Any, steps: Any, target: Path
) -> None:
    bodies = [b"a" * 2_000_000, b"b" * 2_000_000]
    for _ in bodies:
        scripted.connection(*(steps.answer(200, body) for body in bodies))
    threads = [threading.Thread(target=caller.download_to, args=("/f", target)) for _ in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() in bodies
    assert list(target.parent.iterdir()) == [target]


def test_a_download_takes_little_memory(
    client: RestClientBase, server: Any, target: Path, peak_of: Callable[..., int]
) -> None:
    server.answer(200, b"x" * 30_000_000)
    assert peak_of(lambda: client.download_to("/f", target)) < 10_000_000
