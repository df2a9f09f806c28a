"""How a request context is read from an ASGI scope."""

import logging
from dataclasses import dataclass
from typing import Generic, TypeVar

from starlette.types import Scope

from saigon.fastapi._client_address import ProxyHops, client_address
from saigon.fastapi._identity import (
    Identity,
    IdentitySource,
    ignored_identity_headers,
    read_identity,
)
from saigon.fastapi._raw_headers import single_header
from saigon.fastapi._request_id import new_request_id
from saigon.fastapi._text import escaped
from saigon.fastapi._tracing import trace_id_of, valid_amzn_trace_id, valid_traceparent
from saigon.fastapi.exceptions import IdentityHeaderError
from saigon.fastapi.headers import RequestContext

_log = logging.getLogger(__name__)

ContextT = TypeVar("ContextT", bound=RequestContext)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request is refused before the app sees it."""

    status: int
    detail: str


@dataclass(frozen=True, slots=True)
class Reading(Generic[ContextT]):
    """A context, and what is to be said about how it was read."""

    context: ContextT
    ignored_headers: list[str]
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class ContextReader(Generic[ContextT]):
    """Reads contexts of one type by one configuration."""

    context_type: type[ContextT]
    identity: IdentitySource | None
    proxy_hops: ProxyHops | None

    def read(self, scope: Scope) -> Reading[ContextT]:
        """Return the context of a request; one that cannot be identified has a fault."""
        identity, fault = self._identity(scope)
        names = self.context_type.header_names
        believed = identity is not None or fault is not None
        ignored = ignored_identity_headers(self.identity, scope, names, believed=believed)
        return Reading(self._context(scope, identity), ignored, fault)

    def _identity(self, scope: Scope) -> tuple[Identity | None, Fault | None]:
        try:
            return read_identity(self.identity, scope, self.context_type.header_names), None
        except IdentityHeaderError as exc:
            return None, Fault(400, str(exc))
        except Exception:  # noqa: BLE001  # the provider of the secrets is the service's own code
            _log.exception("the rule of trust failed, so that nobody can be identified")
            return None, Fault(503, "the caller cannot be identified now")

    def _context(self, scope: Scope, identity: Identity | None) -> ContextT:
        names = self.context_type.header_names
        traceparent = valid_traceparent(single_header(scope, names.traceparent))
        amzn_trace_id = valid_amzn_trace_id(single_header(scope, names.amzn_trace_id))
        user_agent = single_header(scope, "user-agent")
        return self.context_type(
            request_id=self._request_id(scope),
            trace_id=trace_id_of(traceparent, amzn_trace_id),
            traceparent=traceparent,
            amzn_trace_id=amzn_trace_id,
            user_sub=identity.user_sub if identity else None,
            user_pool_id=identity.user_pool_id if identity else None,
            user_region=identity.user_region if identity else None,
            identity_id=identity.identity_id if identity else None,
            identity_source=identity.source if identity else None,
            client_address=client_address(scope, self.proxy_hops),
            user_agent=escaped(user_agent) if user_agent else None,
        )

    def _request_id(self, scope: Scope) -> str:
        value = single_header(scope, self.context_type.header_names.request_id)
        if value is not None and self.context_type.accepts_request_id(value):
            return value
        return new_request_id()
