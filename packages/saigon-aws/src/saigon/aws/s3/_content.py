"""What is uploaded, whatever the caller has it in, read part by part."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

__all__ = ["BinaryReader", "Content", "Source", "opened_content"]


class BinaryReader(Protocol):
    """A binary file or stream: what has a ``read`` of bytes."""

    def read(self, size: int, /) -> bytes | None:
        """Return at most so many bytes; none at the end."""
        ...


Source = bytes | bytearray | memoryview | Path | BinaryReader


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes to read in turn, and how many there are where that is known."""

    read: Callable[[int], bytes] = field(repr=False)
    """Returns as many bytes as are asked for, fewer only at the end."""
    size: int | None


@contextmanager
def opened_content(source: object) -> Iterator[Content]:
    """Give a source's content; a path is opened and closed here, a caller's file stays open.

    Args:
        source: A Source, but nobody has checked that yet.

    Raises:
        ValueError: It is text, or nothing that can be read.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        yield _of_buffer(memoryview(source))
    elif isinstance(source, Path):
        with source.open("rb") as file:
            yield _of_file(file)
    elif isinstance(source, io.TextIOBase) or not hasattr(source, "read"):
        kind = type(source).__name__
        raise ValueError(f"expected bytes, a Path or a binary file, got {kind}")
    else:
        yield _of_file(cast("BinaryReader", source))


def _of_buffer(buffer: memoryview) -> Content:
    view = buffer.cast("B") if buffer.c_contiguous else memoryview(buffer.tobytes())
    at = 0

    def read(count: int) -> bytes:
        nonlocal at
        part = bytes(view[at : at + count])
        at += len(part)
        return part

    return Content(read, len(view))


def _of_file(file: BinaryReader) -> Content:
    return Content(lambda count: _read_fully(file, count), _remaining(file))


def _read_fully(file: BinaryReader, count: int) -> bytes:
    """Read on after the short reads of pipes and sockets."""
    pieces: list[bytes] = []
    while count:
        piece: object = file.read(count)
        if not isinstance(piece, bytes | bytearray | memoryview):
            kind = type(piece).__name__
            raise ValueError(f"expected a blocking binary file, its read gave {kind}")  # noqa: TRY004  # every wrong argument is a ValueError
        if not piece:
            break
        pieces.append(bytes(piece))
        count -= len(piece)
    return b"".join(pieces)


def _remaining(file: Any) -> int | None:
    seekable = getattr(file, "seekable", None)
    if seekable is None or not seekable():
        return None
    here = file.tell()
    try:
        end = file.seek(0, os.SEEK_END)
    except OSError:  # a file whose size nobody knows, as those of /proc
        return None
    file.seek(here)
    return max(0, int(end) - int(here))
