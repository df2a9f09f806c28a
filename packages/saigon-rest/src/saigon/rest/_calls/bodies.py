"""Request bodies: of known length, readable again, and never a text-mode file."""

import contextlib
import hashlib
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, Final, TypeAlias

from saigon.rest._canonical import EMPTY_HASH
from saigon.rest.exceptions import FileChangedError, SigningError

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes so far, and with how many there are, None where that is not known."""

CHUNK: Final = 1024 * 1024
SPOOL_IN_MEMORY: Final = 1024 * 1024


class FileBody:
    """What is left of a seekable binary file, as a body with a length, counted from zero.

    Of a file that grows, only what was there at first is read.

    Args:
        file: The file, taken from its present position on.
        owned: Close the file with this body.
    """

    def __init__(self, file: IO[bytes], *, owned: bool = False) -> None:
        self._file = file
        self._owned = owned
        self._start = file.tell()
        # Asked by `tell`: what `seek` returns is not the same of all files. What is read from
        # beyond the end is nothing.
        file.seek(0, io.SEEK_END)
        self._length = max(0, file.tell() - self._start)
        self._position = 0
        file.seek(self._start)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(CHUNK):
            yield chunk

    def __del__(self) -> None:
        self.close()

    def read(self, size: int = -1) -> bytes:
        """Read like a file.

        Raises:
            FileChangedError: The file ends before its length.
        """
        left = self._length - self._position
        wanted = left if size < 0 else min(size, left)
        if wanted <= 0:
            return b""
        data = self._file.read(wanted)
        if not data:
            raise FileChangedError(
                f"the file had {self._length} bytes and has {self._position} now; send it again"
            )
        self._position += len(data)
        return data

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move like a file."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        self._position = base + offset
        self._file.seek(self._start + self._position)
        return self._position

    def close(self) -> None:
        """Close the file if it was opened for this body."""
        if self._owned:
            self._file.close()


def is_text_file(body: object) -> bool:
    """Tell whether reading gives text, whose bytes depend on the machine."""
    if isinstance(body, io.TextIOBase):
        return True
    if isinstance(body, (io.RawIOBase, io.BufferedIOBase)):
        return False  # whatever it calls its mode: a member of a zip archive says "r"
    mode = getattr(body, "mode", None)
    return hasattr(body, "read") and isinstance(mode, str) and "b" not in mode


def is_rewindable(body: object) -> bool:
    """Tell whether a body can be sent a second time."""
    if body is None or isinstance(body, (bytes, bytearray, str)):
        return True
    if not hasattr(body, "read") or not hasattr(body, "seek"):
        return False
    seekable = getattr(body, "seekable", None)
    return seekable is None or bool(seekable())


def position(body: Any) -> int | None:
    """Return where a rewindable file stands, to come back to for the next try."""
    if body is None or isinstance(body, (bytes, bytearray, str)) or not is_rewindable(body):
        return None
    return int(body.tell())


def settle(body: Any) -> tuple[Any, str, int | None]:
    """Make a body one whose bytes are known before it is sent.

    Returns:
        The body to send, the hexadecimal SHA-256 of its bytes, and its length; the length is
        None where there is no body.

    Raises:
        SigningError: It is a text-mode file, or an iterable that gives text.
    """
    if body is None:
        return None, EMPTY_HASH, None
    if isinstance(body, str):
        body = body.encode()
    if isinstance(body, (bytes, bytearray)):
        return body, hashlib.sha256(body).hexdigest(), len(body)
    if is_text_file(body):
        raise SigningError("the body is a text-mode file; expected one opened with mode 'rb'")
    if not is_rewindable(body):
        return settle(spool(body))
    return body, *_hash_from_position(body)


def _hash_from_position(body: Any) -> tuple[str, int]:
    start = body.tell()
    digest, length = hashlib.sha256(), 0
    while chunk := body.read(CHUNK):
        if isinstance(chunk, str):
            raise SigningError("reading the body gives text; expected bytes")
        digest.update(chunk)
        length += len(chunk)
    body.seek(start)
    return digest.hexdigest(), length


def spool(body: Any) -> "bytes | FileBody":
    """Read a body that can be read only once: into memory if it is small, else into a file."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=SPOOL_IN_MEMORY))
        for chunk in _chunks(body):
            if not isinstance(chunk, (bytes, bytearray, memoryview)):
                raise SigningError(f"the body gives {type(chunk).__name__}; expected bytes")
            file.write(chunk)
        size = file.tell()
        file.seek(0)
        if size <= SPOOL_IN_MEMORY:
            return file.read()
        stack.pop_all()
        return FileBody(file, owned=True)


def _chunks(body: Any) -> Iterable[Any]:
    if hasattr(body, "read"):
        return iter(lambda: body.read(CHUNK), b"")
    if not isinstance(body, Iterable):
        raise SigningError(f"the body is a {type(body).__name__}; expected bytes, text or a file")
    return body
