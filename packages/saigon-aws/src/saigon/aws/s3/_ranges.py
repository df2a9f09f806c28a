"""A part of an object, as HTTP asks for it and answers (RFC 9110, 14.1 and 14.4)."""

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["ByteRange", "Place"]

_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of an answer stand in their object."""

    start: int
    size: int
    object_size: int

    @classmethod
    def of_answer(cls, content_range: str | None, size: int) -> "Place | None":
        """Read an answer's ``Content-Range`` and length; None where they make no sense together."""
        if content_range is None:
            return cls(0, size, size)
        found = _CONTENT_RANGE.fullmatch(content_range)
        if found is None:
            return None
        first, last, total = map(int, found.groups())
        return (
            cls(first, size, total) if first <= last < total and size == last - first + 1 else None
        )


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from the first to the last, both included, or so many at the end.

    Attributes:
        first: The first byte, or None for a suffix.
        last: The last byte, or None for the end; of a suffix its length.
    """

    first: int | None
    last: int | None

    @classmethod
    def suffix(cls, length: int) -> "ByteRange":
        """Return the range of the last bytes, all of them where there are fewer."""
        return cls(None, length)

    @property
    def header(self) -> str:
        """Return the value of the header ``Range``."""
        first = "" if self.first is None else self.first
        last = "" if self.last is None else self.last
        return f"bytes={first}-{last}"

    def is_given_by(self, place: Place) -> bool:
        """Tell whether an answer gives this range: HTTP allows a server to leave it out."""
        if self.first is None:
            start = max(0, place.object_size - (self.last or 0))
            return (place.start, place.size) == (start, place.object_size - start)
        end = place.object_size if self.last is None else min(self.last + 1, place.object_size)
        return (place.start, place.size) == (self.first, end - self.first)
