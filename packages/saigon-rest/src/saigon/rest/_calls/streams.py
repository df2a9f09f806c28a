"""What streams of both clients share: a length that is known, and a file whole or not at all."""

import errno
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_IMODE
from typing import IO, Final

from saigon.rest._calls.bodies import Progress
from saigon.rest.exceptions import ResponseTooLargeError

_LENGTH: Final = re.compile(r"[0-9]{1,18}")


def length_of(headers: Mapping[str, str]) -> int | None:
    """Return the length of a body as it is read, where the server tells it."""
    value = headers.get("Content-Length", "")
    known = _LENGTH.fullmatch(value) and "Content-Encoding" not in headers
    return int(value) if known else None


def refuse_no_place(destination: Path) -> None:
    """Refuse what no file can be moved to, before one is asked for.

    Raises:
        OSError: Its folder is missing, or something other than a file is there.
    """
    if not destination.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(destination.parent))
    if destination.is_dir():
        raise IsADirectoryError(errno.EISDIR, "expected the name of a file", str(destination))
    if destination.exists() and not destination.is_file():
        raise FileExistsError(errno.EEXIST, "what is there is no regular file", str(destination))


class Target:
    """A file that is being written."""

    def __init__(
        self,
        file: IO[bytes],
        length: int | None,
        progress: Progress | None,
        *,
        max_bytes: int | None = None,
    ) -> None:
        self.written = 0
        self._file = file
        self._length = length
        self._progress = progress
        self._max_bytes = max_bytes
        self._refuse_beyond(length or 0)

    def write(self, chunk: bytes) -> None:
        """Write a piece and tell of it.

        Raises:
            ResponseTooLargeError: It is one piece too many.
        """
        self._refuse_beyond(self.written + len(chunk))
        self.written += self._file.write(chunk)
        if self._progress is not None:
            self._progress(self.written, self._length)

    def _refuse_beyond(self, size: int) -> None:
        if self._max_bytes is not None and size > self._max_bytes:
            raise ResponseTooLargeError(f"the body has more than {self._max_bytes} bytes")


@contextmanager
def whole_file(
    destination: Path,
    length: int | None,
    progress: Progress | None,
    *,
    max_bytes: int | None = None,
) -> Iterator[Target]:
    """Write beside the destination and move the file there once the block ends without error.

    A link at the destination stays one: the file that it leads to is replaced.
    """
    destination = destination.resolve()
    temporary = destination.parent / f".{secrets.token_hex(8)}.part"
    try:
        # Opened like any other file, so that its mode is what the process gives to new ones.
        with temporary.open("xb") as file:
            yield Target(file, length, progress, max_bytes=max_bytes)
        _keep_mode(destination, temporary)
        temporary.replace(destination)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise


def _keep_mode(destination: Path, temporary: Path) -> None:
    with suppress(FileNotFoundError):
        temporary.chmod(S_IMODE(destination.stat().st_mode))
