"""Text from outside, made safe to log and to send back."""

import re
from typing import Final

HEADER_LIMIT: Final = 256
"""How many characters of a header reach the request context and the log."""

_UNSAFE: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def escaped(text: str, limit: int = HEADER_LIMIT) -> str:
    """Return at most ``limit`` characters of printable ASCII, the rest as Python escapes."""
    if len(text) <= limit and text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return text[:limit].encode("unicode_escape").decode("ascii")[:limit]


def one_line(text: str) -> str:
    """Escape what would end a log line, drive a terminal or turn the direction of the text.

    Letters of any script stay.
    """
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def encodable(text: str, limit: int) -> str:
    """Return at most ``limit`` characters that UTF-8 can hold: lone surrogates are escaped."""
    return text[:limit].encode("utf-8", "backslashreplace").decode("utf-8")[:limit]
