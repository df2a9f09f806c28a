"""Files are sent in flat memory, however large."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MIB = 1024 * 1024
LARGE = [40, pytest.param(200, marks=pytest.mark.slow)]
ALLOWED = 20 * MIB

# A process of its own, whose peak is that of the upload and not of the tests before.
PROGRAM = """
import json, resource, sys
from datetime import UTC, datetime
from pathlib import Path
from saigon.rest.client import RestClientBase

def peak():
    status = Path("/proc/self/status")
    if status.exists():  # getrusage may say the peak of the process that started this one
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

given = json.load(sys.stdin)
peaks = []
with RestClientBase(given["url"], clock=lambda: datetime(2026, 5, 17, 12, tzinfo=UTC)) as client:
    for file in given["files"]:
        if given["way"] == "put":
            client.upload_file_to_url(given["url"], file)
        elif given["way"] == "form":
            client.upload_file_to_form(given["url"], given["fields"], file)
        else:
            client.request("PUT", "/at-once", body=Path(file).read_bytes())
        peaks.append(peak())
print(json.dumps(peaks))
"""


@pytest.fixture
def discarding(wire: Any) -> Any:
    """A server that counts what comes and forgets it."""
    counted: list[int] = []

    def discard(connection: socket.socket, head: bytes) -> None:
        while head:
            head = answer_one(connection, head)

    def answer_one(connection: socket.socket, head: bytes) -> bytes:
        before, _, body = head.partition(b"\r\n\r\n")
        lines = before.lower().split(b"\r\n")
        length = int(next(line for line in lines if line.startswith(b"content-length")).split()[1])
        buffer, done = bytearray(256 * 1024), len(body)
        while done < length:
            done += connection.recv_into(buffer)
        counted.append(done)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        return connection.recv(4096)

    server = wire(discard)
    server.counted = counted
    return server


@pytest.fixture
def growth(discarding: Any, tmp_path: Path) -> Callable[..., int]:
    """Send a small and a large file; gives the bytes of memory that the large one took more."""

    def measure(way: str, mebibytes: int, fields: dict[str, str]) -> int:
        files = []
        for size in (1, mebibytes * MIB):
            files.append(str(tmp_path / f"{size}"))
            with Path(files[-1]).open("wb") as file:
                file.truncate(size)
        given = {"way": way, "url": discarding.url, "files": files, "fields": fields}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            input=json.dumps(given),
            capture_output=True,
            check=True,
            text=True,
        )
        small, large = map(int, json.loads(done.stdout))
        assert discarding.counted[-1] >= mebibytes * MIB
        return large - small

    return measure


@pytest.mark.parametrize("mebibytes", LARGE)
@pytest.mark.parametrize("way", ["put", "form"])
def test_a_large_file_takes_little_memory(
    growth: Callable[..., int], form: Callable[..., dict[str, str]], way: str, mebibytes: int
) -> None:
    assert growth(way, mebibytes, form()) < ALLOWED


def test_a_file_that_is_read_at_once_is_seen_to_take_memory(growth: Callable[..., int]) -> None:
    assert growth("at once", 40, {}) > ALLOWED
