"""How a request context is read from an ASGI scope."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final, Generic, NamedTuple, TypeVar

from starlette.types import Scope

from saigon.fastapi._identity.events import gateway_context
from saigon.fastapi._identity.identity import Identity, principal_of
from saigon.fastapi._identity.reading import IdentityReader
from saigon.fastapi._identity.sources import IdentitySource
from saigon.fastapi._request.client_address import ProxyHops, client_address
from saigon.fastapi._request.raw_headers import Found, find_headers, raw_name, single_value
from saigon.fastapi._request.request_id import new_request_id
from saigon.fastapi._request.tracing import read_trace
from saigon.fastapi._text import escaped
from saigon.fastapi.exceptions import IdentityHeaderError
from saigon.fastapi.headers import RequestContext

_log = logging.getLogger(__name__)

ContextT = TypeVar("ContextT", bound=RequestContext)

_USER_AGENT: Final = b"user-agent"


class Fault(NamedTuple):
    """Why a request is refused before the app sees it."""

    status: int
    detail: str


class Reading(Generic[ContextT]):
    """What was read of one request. Its context is made when it is first asked for."""

    def __init__(
        self,
        context_type: type[ContextT],
        members: dict[str, Any],
        ignored_headers: Sequence[str],
        fault: Fault | None,
    ) -> None:
        self._context_type = context_type
        self._context: ContextT | None = None
        self.members = members
        self.ignored_headers = ignored_headers
        self.fault = fault

    def context(self) -> ContextT:
        """Return the request's context, the same at each call."""
        if self._context is None:
            self._context = self._context_type(**self.members)
        return self._context

    def principal(self) -> str | None:
        """Return who is calling, by the identity source that the service chose."""
        members = self.members
        return principal_of(members["identity_source"], members["user_sub"], members["identity_id"])

    def log_fields(self) -> dict[str, object]:
        """Return what each line of the request carries."""
        fields = {
            "request_id": self.members["request_id"],
            "trace_id": self.members["trace_id"],
            "identity": self.principal(),
        }
        return {key: value for key, value in fields.items() if value is not None}


class ContextReader(Generic[ContextT]):
    """Reads contexts of one type by one configuration."""

    def __init__(
        self,
        context_type: type[ContextT],
        identity: IdentitySource | None,
        proxy_hops: ProxyHops | None,
    ) -> None:
        names = context_type.header_names
        self._context_type = context_type
        self._proxy_hops = proxy_hops
        self._identities = IdentityReader(identity, names)
        self._request_id = raw_name(names.request_id)
        self._traceparent = raw_name(names.traceparent)
        self._amzn_trace_id = raw_name(names.amzn_trace_id)
        names_read = [names.request_id, names.traceparent, names.amzn_trace_id, "User-Agent"]
        names_read += names.of_identities
        if proxy_hops is not None:
            names_read.append(proxy_hops.header)
        self._names = frozenset(map(raw_name, names_read))

    def read(self, scope: Scope) -> Reading[ContextT]:
        """Return the context of a request; one that cannot be identified has a fault."""
        found = find_headers(scope, self._names)
        believed: bytes | None = None
        identity: Identity | None = None
        fault: Fault | None = None
        if self._identities.configured:
            try:
                believed = self._identities.believed_header(scope)
                identity = self._identities.read(scope, found, believed)
            except IdentityHeaderError as exc:
                fault = Fault(400, str(exc))
            except Exception:  # noqa: BLE001  # the provider of the secrets is the service's code
                _log.exception("the rule of trust failed, so that nobody can be identified")
                fault = Fault(503, "the caller cannot be identified now")
        members = self._members(scope, found)
        if identity is not None:
            members.update(asdict(identity))
        ignored = self._identities.ignored(found, believed)
        return Reading(self._context_type, members, ignored, fault)

    def _members(self, scope: Scope, found: Found) -> dict[str, Any]:
        trace = read_trace(
            single_value(found, self._traceparent), single_value(found, self._amzn_trace_id)
        )
        user_agent = single_value(found, _USER_AGENT)
        return {
            "request_id": self._id(scope, found),
            "trace_id": trace.id,
            "traceparent": trace.traceparent,
            "amzn_trace_id": trace.amzn_trace_id,
            "identity_source": None,
            "user_sub": None,
            "identity_id": None,
            "client_address": client_address(scope, found, self._proxy_hops),
            "user_agent": escaped(user_agent) if user_agent else None,
        }

    def _id(self, scope: Scope, found: Found) -> str:
        gateway = gateway_context(scope)
        value = (
            single_value(found, self._request_id) if gateway is None else gateway.get("requestId")
        )
        if isinstance(value, str) and self._context_type.accepts_request_id(value):
            return value
        return new_request_id()
