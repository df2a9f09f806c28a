"""What streams of both clients share: a length that is known, and a file whole or not at all."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from saigon.rest._calls.bodies import Progress


def length_of(headers: Mapping[str, str]) -> int | None:
    """Return the length of a body as it is read, where the server tells it."""
    value = headers.get("Content-Length", "")
    known = value.isascii() and value.isdigit() and "Content-Encoding" not in headers
    return int(value) if known else None


class Target:
    """A file that is being written."""

    def __init__(self, file: IO[bytes], length: int | None, progress: Progress | None) -> None:
        self.written = 0
        self._file = file
        self._length = length
        self._progress = progress

    def write(self, chunk: bytes) -> None:
        """Write a piece and tell of it."""
        self.written += self._file.write(chunk)
        if self._progress is not None:
            self._progress(self.written, self._length)


@contextmanager
def whole_file(
    destination: Path, length: int | None, progress: Progress | None
) -> Iterator[Target]:
    """Write beside the destination and move the file there once the block ends without error."""
    handle, temporary = tempfile.mkstemp(dir=destination.parent, prefix=f".{destination.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield Target(file, length, progress)
        Path(temporary).replace(destination)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
