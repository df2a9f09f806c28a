"""Content codings undone in pieces of bounded size, however much a piece holds."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

_AUTOMATIC: Final = 32 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS
_MAGIC: Final = b"\x1f\x8b"
_MOST_CODINGS: Final = 5

# What is asked for, and what is undone.
ACCEPTED: Final = "gzip, deflate"


class Decoder(Protocol):
    """Undo codings of one body."""

    def pieces(self, data: bytes, size: int) -> Iterable[bytes]:
        """Give what some more bytes hold, in pieces of at most so many bytes."""
        ...

    def finish(self) -> None:
        """Refuse a body that has broken off.

        Raises:
            zlib.error: There should be more.
        """
        ...


def decoder_of(content_encoding: str) -> Decoder:
    """Return what undoes the codings of a header; nothing where one of them is unknown."""
    names = [name.strip().lower() for name in content_encoding.split(",")]
    known = all(name in {"gzip", "x-gzip", "deflate", "identity"} for name in names)
    codings = [name for name in names if name != "identity"]
    if not known or len(codings) > _MOST_CODINGS:
        return _Plain()
    decoder: Decoder = _Plain()
    for name in codings:
        decoder = _Inflating(decoder, raw_possible=name == "deflate")
    return decoder


class _Plain:
    def pieces(self, data: bytes, size: int) -> Iterable[bytes]:
        if len(data) <= size:
            return (data,) if data else ()
        return (data[start : start + size] for start in range(0, len(data), size))

    def finish(self) -> None:
        """Take any length."""


class _Inflating:
    """Undo gzip, also of several members, or deflate with or without zlib's header.

    Args:
        inner: Undoes what lies within.
        raw_possible: Whether zlib's header may be missing.
    """

    def __init__(self, inner: Decoder, *, raw_possible: bool) -> None:
        self._inner = inner
        self._raw_possible = raw_possible
        self._inflater = zlib.decompressobj(_AUTOMATIC)
        self._begun = False
        self._held = b""
        self._over = False

    def pieces(self, data: bytes, size: int) -> Iterator[bytes]:
        for piece in self._inflated(data, size):
            yield from self._inner.pieces(piece, size)

    def finish(self) -> None:
        if self._begun and not self._inflater.eof:
            raise zlib.error("the compressed body broke off")
        self._inner.finish()

    def _inflated(self, data: bytes, size: int) -> Iterator[bytes]:
        data, self._held = self._held + data, b""
        more = bool(data) and self._goes_on(data)
        while more:
            out = self._step(data, size)
            if out:
                yield out
            if self._inflater.eof:
                data = self._inflater.unused_data
                more = self._goes_on(data)
            else:
                data = self._inflater.unconsumed_tail
                # A full piece may have left output behind in the inflater.
                more = bool(data) or len(out) == size

    def _step(self, data: bytes, size: int) -> bytes:
        begun, self._begun = self._begun, True
        try:
            return self._inflater.decompress(data, size)
        except zlib.error:
            if begun or not self._raw_possible:
                raise
        self._inflater = zlib.decompressobj(_RAW)
        return self._inflater.decompress(data, size)

    def _goes_on(self, data: bytes) -> bool:
        """Tell whether there is a member to read, and begin the next where one has ended."""
        if not self._inflater.eof:
            return True
        if self._over or len(data) < len(_MAGIC):
            self._held = b"" if self._over else data
            return False
        # What follows the last member is padding, as all clients take it.
        self._over = not data.startswith(_MAGIC)
        if not self._over:
            self._inflater = zlib.decompressobj(_AUTOMATIC)
        return not self._over
