"""Tell of a file's progress while it is sent, and keep its own errors apart from the network's."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

from saigon.rest._calls.bodies import CHUNK, FileBody, Progress


class SourceFailedError(Exception):
    """Reading the file failed, or telling of it; no library takes this for a broken connection.

    Attributes:
        error: What was raised.
    """

    error: Exception

    def __init__(self, error: Exception) -> None:
        super().__init__(type(error).__name__)
        self.error = error


class ToldBody:
    """A file whose reader is told how far it came: 0 each time it begins, the length at the end."""

    def __init__(self, file: FileBody, progress: Progress | None) -> None:
        self._file = file
        self._progress = progress

    def __len__(self) -> int:
        return len(self._file)

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(CHUNK):
            yield chunk

    def read(self, size: int = -1) -> bytes:
        """Read like a file.

        Raises:
            SourceFailedError: The file could not be read, or is shorter now.
        """
        try:
            data = self._file.read(size)
            if data:
                self._tell()
        except Exception as exc:
            raise SourceFailedError(exc) from exc
        return data

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move like a file."""
        try:
            position = self._file.seek(offset, whence)
            self._tell()
        except Exception as exc:
            raise SourceFailedError(exc) from exc
        return position

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._file.tell(), len(self._file))


@contextmanager
def told(file: FileBody, progress: Progress | None) -> Iterator[ToldBody]:
    """Give a body to send within the block; what its file or ``progress`` raised goes through."""
    try:
        yield ToldBody(file, progress)
    except SourceFailedError as failed:
        error = failed.error
    else:
        return
    raise error
