"""Headers as they stand in an ASGI scope, where a name may occur more than once."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeAlias

from starlette.types import Scope

Found: TypeAlias = Mapping[bytes, Sequence[bytes]]
"""The values of some headers, in the order of arrival, by their names in lower case."""

_NONE: Final[Sequence[bytes]] = ()


def raw_name(name: str) -> bytes:
    """Return the name as it is found in a scope."""
    return name.lower().encode("latin-1")


def find_headers(scope: Scope, names: Collection[bytes]) -> Found:
    """Return the values of the headers of these names, in one pass."""
    headers = scope["headers"]
    if not isinstance(headers, list | tuple):  # any iterable, which may be read once
        scope["headers"] = headers = list(headers)
    found: dict[bytes, list[bytes]] = {}
    for key, value in headers:
        name = key.lower()
        if name in names:
            found.setdefault(name, []).append(value)
    return found


def single_value(found: Found, name: bytes) -> str | None:
    """Return a header's value, ``None`` where it is absent or came more than once."""
    values = found.get(name, _NONE)
    return values[0].decode("latin-1") if len(values) == 1 else None


def header_values(scope: Scope, name: str) -> Sequence[bytes]:
    """Return every value that the header has, in the order of arrival."""
    wanted = raw_name(name)
    return find_headers(scope, (wanted,)).get(wanted, _NONE)


def single_header(scope: Scope, name: str) -> str | None:
    """Return the header's value, ``None`` where it is absent or came more than once."""
    wanted = raw_name(name)
    return single_value(find_headers(scope, (wanted,)), wanted)
