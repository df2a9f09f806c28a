"""Headers as they stand in an ASGI scope, where a name may occur more than once."""

from starlette.types import Scope


def header_values(scope: Scope, name: str) -> list[bytes]:
    """Return every value that the header has, in the order of arrival."""
    wanted = name.lower().encode("latin-1")
    return [value for key, value in scope["headers"] if key.lower() == wanted]


def single_header(scope: Scope, name: str) -> str | None:
    """Return the header's value, ``None`` where it is absent or came more than once."""
    values = header_values(scope, name)
    return values[0].decode("latin-1") if len(values) == 1 else None
