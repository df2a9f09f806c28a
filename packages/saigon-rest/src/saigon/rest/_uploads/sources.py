"""Files to send: opened, and known to be readable from where they stand, with a length."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeAlias

from saigon.rest._calls.bodies import FileBody, is_rewindable
from saigon.rest.exceptions import InvalidRequestError

Source: TypeAlias = str | os.PathLike[str] | IO[bytes]


@contextmanager
def opened(source: Source) -> Iterator[FileBody]:
    """Open a path for the time of the block, or take an open file from where it stands.

    Raises:
        InvalidRequestError: It is no regular file, or none opened for reading bytes.
        OSError: The path cannot be opened.
    """
    if isinstance(source, (str, os.PathLike)):
        # Looked at first: opening a pipe waits for its writer.
        _refuse_no_regular_file(Path(source).stat())
        with Path(source).open("rb", buffering=0) as file:
            yield _measured(file)
        return
    _refuse_unreadable(source)
    yield _measured(source)


def name_of(source: Source) -> str | None:
    """Return the name of the file that a path leads to; None where no path was given."""
    return Path(source).name if isinstance(source, (str, os.PathLike)) else None


def _refuse_unreadable(source: Any) -> None:
    if not hasattr(source, "read") or getattr(source, "closed", False) or not _gives_bytes(source):
        raise InvalidRequestError("expected a path or a seekable file opened with mode 'rb'")
    # Others that hold a file descriptor would be changed by being asked for it.
    raw = getattr(source, "raw", source)
    if isinstance(raw, io.FileIO):
        _refuse_no_regular_file(os.fstat(raw.fileno()))


def _gives_bytes(source: Any) -> bool:
    readable = getattr(source, "readable", None)
    if (readable is not None and not readable()) or not is_rewindable(source):
        return False
    return not isinstance(source.read(0), str)


def _refuse_no_regular_file(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise InvalidRequestError(
            "expected a regular file; this is a directory, a pipe, a socket or a device"
        )


def _measured(file: Any) -> FileBody:
    body = None
    # Some that can seek cannot seek from their end.
    with suppress(OSError, ValueError):
        body = FileBody(file)
    if body is None or (not len(body) and _holds_more(file)):
        raise InvalidRequestError("the file does not tell its length")
    return body


def _holds_more(file: Any) -> bool:
    # Those of /proc are as long as they are when they are read, and empty until then.
    start = file.tell()
    more = file.read(1)
    file.seek(start)
    return bool(more)
