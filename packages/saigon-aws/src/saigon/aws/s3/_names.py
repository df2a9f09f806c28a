"""File names that stay inside the directory they are put into."""

import os
import re
import unicodedata

__all__ = ["WINDOWS", "is_portable_segment", "safe_file_name"]

WINDOWS = os.name == "nt"

_MAX_BYTES = 255  # of one name, on every file system in common use
_MAX_SUFFIX_BYTES = 32
_FALLBACK = "object"
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_RESERVED_CHARACTERS = re.compile(r'[<>:"|?*]')
_DEVICES = re.compile(
    r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)$", re.IGNORECASE
)


def safe_file_name(key: str, *, windows: bool = WINDOWS) -> str:
    """Return a file name made of the last segment of a key; no key leads out of a directory.

    Args:
        key: The key of an object.
        windows: Whether the name must also be one that Windows takes.
    """
    segment = key.replace("\\", "/").rpartition("/")[2]
    name = "".join("_" if _is_control(character) else character for character in segment)
    if windows:
        name = _RESERVED_CHARACTERS.sub("_", name).rstrip(". ")
        name = f"_{name}" if _is_device(name) else name
    return _FALLBACK if name in {"", ".", ".."} else _shortened(name)


def is_portable_segment(segment: str, *, windows: bool = WINDOWS) -> bool:
    """Tell whether a path's segment is a plain name, to be taken as it is."""
    if segment in {"", ".", ".."} or "\\" in segment:
        return False
    if not segment.isprintable() and any(map(_is_control, segment)):
        return False
    return not windows or not (
        _RESERVED_CHARACTERS.search(segment) or segment[-1] in ". " or _is_device(segment)
    )


def _is_control(character: str) -> bool:
    # Cs: a lone surrogate, which no file system that keeps names in UTF-8 can hold
    return unicodedata.category(character) in {"Cc", "Cs"}


def _is_device(name: str) -> bool:
    return _DEVICES.match(name.partition(".")[0].rstrip(" ")) is not None


def _shortened(name: str) -> str:
    if len(name.encode()) <= _MAX_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    tail = dot + suffix
    if not stem or len(tail.encode()) > _MAX_SUFFIX_BYTES:
        stem, tail = name, ""
    room = _MAX_BYTES - len(tail.encode())
    return stem.encode()[:room].decode(errors="ignore") + tail
