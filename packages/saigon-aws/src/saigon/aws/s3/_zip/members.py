"""Members' bytes out of one forward pass over an archive."""

import zlib
from collections.abc import Iterator

from saigon.aws.s3._stream import ObjectStream
from saigon.aws.s3._zip.records import (
    LOCAL_HEADER_SIZE,
    STORED,
    Entry,
    LocalHeader,
)
from saigon.aws.s3.exceptions import BadArchiveError

__all__ = ["ForwardReader", "member_pieces"]

_PIECE_IN = 128 * 1024
_PIECE_OUT = 1024 * 1024


class ForwardReader:
    """Exact reads and skips over a stream, one chunk in memory.

    Attributes:
        position: The place of the next byte in the object.
    """

    position: int

    def __init__(self, stream: ObjectStream) -> None:
        self.position = stream.start
        self._stream = stream
        self._chunk = memoryview(b"")

    def skip_to(self, position: int) -> None:
        """Read on up to a place, which must not be behind."""
        if position == self.position:
            return
        for _ in self.pieces(position - self.position):
            pass

    def take(self, count: int) -> bytes:
        """Return the next bytes, as many as are asked for."""
        return bytes(self.view(count))

    def view(self, count: int) -> bytes | memoryview:
        """Return the next bytes, valid until more are asked for."""
        if count > len(self._chunk):
            return b"".join(self.pieces(count))
        piece, self._chunk = self._chunk[:count], self._chunk[count:]
        self.position += count
        return piece

    def pieces(self, count: int) -> Iterator[memoryview]:
        """Yield the next bytes in pieces, each valid until the next one is asked for."""
        if count < 0:
            raise BadArchiveError("two members overlap")
        while count:
            piece = self._next(min(count, _PIECE_IN))
            count -= len(piece)
            yield piece

    def _next(self, most: int) -> memoryview:
        if not self._chunk:
            self._chunk = memoryview(self._stream.read())
        piece, self._chunk = self._chunk[:most], self._chunk[most:]
        if not piece:
            raise BadArchiveError("the archive ends inside a member")
        self.position += len(piece)
        return piece


def member_pieces(reader: ForwardReader, entry: Entry, end: int) -> Iterator[bytes | memoryview]:
    """Yield a member's content, checked against its size and CRC by the time it ends.

    Args:
        reader: Stands at the member's local header or before it.
        entry: The member.
        end: Where the next member, or the directory, begins.
    """
    reader.skip_to(entry.offset)
    header = LocalHeader.parse(reader.take(LOCAL_HEADER_SIZE))
    header.check(reader.take(header.variable_size), entry)
    if reader.position + entry.compressed_size > end:
        raise BadArchiveError("two members overlap")
    if entry.compressed_size <= _PIECE_IN and entry.size <= _PIECE_OUT:
        return _whole(reader, entry)
    packed = reader.pieces(entry.compressed_size)
    content = packed if entry.method == STORED else _inflated(packed, entry)
    return _verified(content, entry)


def _whole(reader: ForwardReader, entry: Entry) -> Iterator[bytes | memoryview]:
    """Yield the content of a small member, which most members are, in one piece."""
    content = reader.view(entry.compressed_size)
    if entry.method != STORED:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            # One byte more than told shows that there is more; a limit of 0 would be none.
            content = inflater.decompress(content, entry.size + 1)
        except zlib.error as error:
            raise _bad(entry) from error
        if not inflater.eof or inflater.unused_data:
            raise _bad(entry)
    if len(content) != entry.size or zlib.crc32(content) != entry.crc:
        raise _bad(entry)
    if content:
        yield content


def _inflated(packed: Iterator[memoryview], entry: Entry) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in packed:
            yield from _inflated_piece(inflater, piece)
            if inflater.unused_data:
                raise _bad(entry)
    except zlib.error as error:
        raise _bad(entry) from error
    if not inflater.eof:
        raise _bad(entry)


def _inflated_piece(inflater: "zlib._Decompress", piece: memoryview) -> Iterator[bytes]:
    pending: bytes | memoryview = piece
    while True:
        out = inflater.decompress(pending, _PIECE_OUT)
        pending = inflater.unconsumed_tail
        yield out
        if not pending and len(out) < _PIECE_OUT:
            return


def _verified(
    content: Iterator[bytes] | Iterator[memoryview], entry: Entry
) -> Iterator[bytes | memoryview]:
    size = crc = 0
    for piece in content:
        size += len(piece)
        crc = zlib.crc32(piece, crc)
        # Checked before the last piece is given: who reads no further has verified bytes.
        if size > entry.size or (size == entry.size and crc != entry.crc):
            raise _bad(entry)
        yield piece
    if (size, crc) != (entry.size, entry.crc):
        raise _bad(entry)


def _bad(entry: Entry) -> BadArchiveError:
    return BadArchiveError(f"the content of {entry.name!r} does not match its size and CRC")
