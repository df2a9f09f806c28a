"""A request as it arrived."""

from collections.abc import Sequence
from dataclasses import dataclass

from saigon.rest import _canonical
from saigon.rest.gateway._asgi import Scope, raw_path


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as it arrived, nothing decoded."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    """Lower-case names; a name may occur more than once."""
    body: bytes

    @classmethod
    def of(cls, scope: Scope, body: bytes) -> "ReceivedRequest":
        """Take a request out of its scope; its target is known to be ASCII."""
        return cls(
            method=scope["method"],
            path=raw_path(scope),
            query=scope.get("query_string", b"").decode("ascii"),
            headers=[
                (name.decode("latin-1").lower(), value.decode("latin-1"))
                for name, value in scope["headers"]
            ],
            body=body,
        )

    def header(self, name: str) -> str | None:
        """Return a header's value, several joined by commas, or None."""
        values = [_canonical.fold(value) for key, value in self.headers if key == name]
        return ",".join(values) if values else None
