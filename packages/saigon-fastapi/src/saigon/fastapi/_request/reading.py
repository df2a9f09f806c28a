"""How a request context is read from an ASGI scope."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, Generic, NamedTuple, TypeVar

from starlette.types import Scope

from saigon.fastapi._identity.events import gateway_context
from saigon.fastapi._identity.identity import Identity, principal_of
from saigon.fastapi._identity.reading import IdentityReader
from saigon.fastapi._identity.sources import HeaderSource, IdentitySource, check_trust
from saigon.fastapi._identity.trust import GatewaySecret
from saigon.fastapi._logs.scope import request_fields
from saigon.fastapi._request.client_address import ProxyHops, client_address
from saigon.fastapi._request.raw_headers import Found, find_headers, raw_name, single_value
from saigon.fastapi._request.request_id import new_request_id
from saigon.fastapi._request.tracing import read_trace
from saigon.fastapi._text import escaped
from saigon.fastapi.exceptions import ConfigurationError, IdentityHeaderError
from saigon.fastapi.headers import RequestContext
from saigon.model.http import is_request_id

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
        members = self.members
        return request_fields(members["request_id"], members["trace_id"], self.principal())


class ContextReader(Generic[ContextT]):
    """Reads contexts of one type by one configuration.

    Raises:
        ConfigurationError: The identity's rule of trust would believe anyone, or its secret stands
            where it would be shown.
    """

    def __init__(
        self,
        context_type: type[ContextT],
        identity: IdentitySource | None,
        proxy_hops: ProxyHops | None,
    ) -> None:
        check_trust(identity)
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
        self._refuse_readable_secret(identity)

    def _refuse_readable_secret(self, identity: IdentitySource | None) -> None:
        trust = identity.trust if isinstance(identity, HeaderSource) else None
        if isinstance(trust, GatewaySecret) and raw_name(trust.header) in self._names:
            raise ConfigurationError(
                f"the header {trust.header} is read for something else; a secret needs its own"
            )

    def read(self, scope: Scope) -> Reading[ContextT]:
        """Return the context of a request; one that cannot be identified has a fault."""
        found = find_headers(scope, self._names)
        event = gateway_context(scope)
        believed: bytes | None = None
        identity: Identity | None = None
        fault: Fault | None = None
        if self._identities.configured:
            try:
                if event is not None:
                    identity = self._identities.of_event(event)
                else:
                    believed = self._identities.believed_header(scope)
                    identity = self._identities.of_header(found, believed)
            except IdentityHeaderError as exc:
                fault = Fault(400, str(exc))
            except Exception:  # noqa: BLE001  # the provider of the secrets is the service's code
                _log.exception("the rule of trust failed, so that nobody can be identified")
                fault = Fault(503, "the caller cannot be identified now")
        members = self._members(scope, found, event)
        if identity is not None:
            members.update(asdict(identity))
        ignored = self._identities.ignored(found, believed)
        return Reading(self._context_type, members, ignored, fault)

    def _members(
        self, scope: Scope, found: Found, event: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        trace = read_trace(
            single_value(found, self._traceparent), single_value(found, self._amzn_trace_id)
        )
        user_agent = single_value(found, _USER_AGENT)
        return {
            "request_id": self._id(found, event),
            "trace_id": trace.id,
            "traceparent": trace.traceparent,
            "amzn_trace_id": trace.amzn_trace_id,
            "identity_source": None,
            "user_sub": None,
            "identity_id": None,
            "client_address": client_address(scope, found, self._proxy_hops),
            "user_agent": escaped(user_agent) if user_agent else None,
        }

    def _id(self, found: Found, event: Mapping[str, Any] | None) -> str:
        value = single_value(found, self._request_id) if event is None else event.get("requestId")
        if isinstance(value, str) and self._accepts(value):
            return value
        return new_request_id()

    def _accepts(self, request_id: str) -> bool:
        try:
            accepts = self._context_type.accepts_request_id
            return is_request_id(request_id) and accepts(request_id)
        except ValueError:  # as that of uuid.UUID
            return False
        except Exception:  # noqa: BLE001  # the validator is the service's code
            _log.exception("the validator of request ids failed")
            return False
