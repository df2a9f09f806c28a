"""One request on its way through the gateway."""

from dataclasses import dataclass
from datetime import datetime

from saigon.rest.gateway._answers.ids import RequestIds
from saigon.rest.gateway._asgi import Scope
from saigon.rest.gateway._callers import GatewayCaller


@dataclass(frozen=True, slots=True)
class Exchange:
    """What API Gateway knows of a request that it lets through."""

    scope: Scope
    ids: RequestIds
    stage: str
    now: datetime
    caller: GatewayCaller | None
    """Who has signed it; nobody where its route asks for no signature."""

    def header(self, name: bytes) -> str | None:
        """Return a header's value, several joined by commas, or None."""
        values = [value for key, value in self.scope["headers"] if key.lower() == name]
        return b",".join(values).decode("latin-1") if values else None

    @property
    def source_ip(self) -> str | None:
        """The address of the peer, where it has one."""
        client = self.scope.get("client")
        return client[0] if client else None
