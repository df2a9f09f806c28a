"""The standing of one request: its id, its trace and who is calling, read from its headers.

Nothing that says who is calling is believed by default, because anyone who reaches the port can
send a header: see :class:`CognitoProviderHeader` and :class:`GatewaySecret`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, ClassVar, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, StringConstraints

from saigon.fastapi._identity.identity import IdentityKind, LoginKind, principal_of
from saigon.fastapi._identity.ids import require_identity_id
from saigon.fastapi._identity.sources import (
    CognitoProviderHeader,
    IdentityIdHeader,
    IdentitySource,
    LambdaEventIdentity,
    LambdaEventUser,
)
from saigon.fastapi._identity.trust import GatewaySecret, PeerNetworks, TrustRule
from saigon.fastapi._logs.scope import request_fields
from saigon.fastapi._request.client_address import ProxyHops
from saigon.fastapi._request.header_names import HeaderNames
from saigon.fastapi._request.in_force import IN_FORCE
from saigon.fastapi._request.request_id import new_request_id
from saigon.fastapi.exceptions import NoRequestContextError
from saigon.fastapi.logging import logcontext
from saigon.model.http import CognitoProvider, is_request_id

__all__ = [
    "CognitoProviderHeader",
    "GatewaySecret",
    "HeaderNames",
    "IdentityIdHeader",
    "IdentityKind",
    "IdentitySource",
    "LambdaEventIdentity",
    "LambdaEventUser",
    "LoginKind",
    "PeerNetworks",
    "ProxyHops",
    "RequestContext",
    "TrustRule",
    "current",
    "custom_request_context",
    "request_context",
    "use_request_context",
]


HeaderValue: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[ -~]{1,512}$")]
"""What may stand in a header as it is."""


class RequestContext(BaseModel):
    """One request's standing. It does not change while the request is answered."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True
    )

    header_names: ClassVar[HeaderNames] = HeaderNames()
    """The headers that this type is read from; see :func:`custom_request_context`."""

    request_id: HeaderValue
    """The id under which the request is logged; the gateway's, or one made for this request."""

    trace_id: str | None = None
    """The trace that the request belongs to, from ``traceparent`` or ``X-Amzn-Trace-Id``."""

    user_sub: HeaderValue | None = None
    """The ``sub`` of the Cognito user, where the identity source tells it."""

    user_pool_id: HeaderValue | None = None
    """The user pool of that user."""

    user_region: HeaderValue | None = None
    """The region of that user pool."""

    identity_id: HeaderValue | None = None
    """The identity pool's id of the caller, another thing than the user's ``sub``."""

    identity_source: IdentityKind | None = None
    """Which source the identity came from; ``None`` for an anonymous request."""

    login: LoginKind | None = None
    """How the identity has logged in, where the source tells it."""

    client_address: str | None = None
    """The caller's IP address, as far as the configured proxies vouch for it."""

    user_agent: str | None = None
    """The ``User-Agent``, at most 256 characters of printable ASCII."""

    traceparent: HeaderValue | None = None
    """The W3C trace header, if it was one."""

    amzn_trace_id: HeaderValue | None = None
    """The X-Ray trace header, if it was one."""

    @property
    def principal(self) -> str | None:
        """Return who is calling, by the identity source that the service chose."""
        return principal_of(self.identity_source, self.user_sub, self.identity_id)

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that carry this context on to another service of one's own."""
        names = self.header_names
        headers = {
            names.request_id: self.request_id,
            names.traceparent: self.traceparent,
            names.amzn_trace_id: self.amzn_trace_id,
            names.identity_id: self.identity_id,
            names.cognito_provider: self._cognito_provider(),
        }
        return {name: value for name, value in headers.items() if value is not None}

    def _cognito_provider(self) -> str | None:
        if self.user_region is None or self.user_pool_id is None or self.user_sub is None:
            return None
        return str(CognitoProvider(self.user_region, self.user_pool_id, self.user_sub))

    @classmethod
    def from_identity_id(cls, identity_id: str, *, request_id: str | None = None) -> Self:
        """Return the context of an identity without a request, for tests and jobs.

        Raises:
            IdentityHeaderError: It is not the id of an identity, ``{region}:{uuid}``.
            ValidationError: The request id is not safe in a header.
        """
        return cls(
            request_id=request_id or new_request_id(),
            identity_id=require_identity_id(identity_id),
            identity_source="identity_id",
        )

    @classmethod
    def current(cls) -> Self:
        """Return the context in force.

        Raises:
            NoRequestContextError: No request is being answered here, or under another type of
                context.
        """
        get = IN_FORCE.get()
        context = None if get is None else get()
        if isinstance(context, cls):
            return context
        expected = f"expected a {cls.__name__}"
        came = "there is none" if context is None else f"there is a {type(context).__name__}"
        raise NoRequestContextError(
            f"{expected}, {came}; is LogMiddleware installed, and this code run by a request?"
        )

    @classmethod
    def accepts_request_id(cls, value: str) -> bool:
        """Tell whether a request id from outside is taken over."""
        return is_request_id(value)


def current() -> RequestContext:
    """Return the context in force.

    Raises:
        NoRequestContextError: No request is being answered here.
    """
    return RequestContext.current()


async def request_context() -> RequestContext:
    """Give an endpoint its request's context: ``Annotated[RequestContext, Depends(...)]``."""
    return RequestContext.current()


@contextmanager
def use_request_context(context: RequestContext) -> Iterator[None]:
    """Put a context in force, and on the log lines, as the middleware does; for tests and jobs."""
    token = IN_FORCE.set(lambda: context)
    try:
        with logcontext(**request_fields(context.request_id, context.trace_id, context.principal)):
            yield
    finally:
        with suppress(ValueError):  # a generator that ends in another context
            IN_FORCE.reset(token)


def custom_request_context(
    name: str,
    *,
    header_names: HeaderNames = RequestContext.header_names,
    request_id_validator: Callable[[str], bool] | None = None,
) -> type[RequestContext]:
    """Make a type of context with other header names, or a narrower form of request id.

    Give the type to ``create_app`` or ``LogMiddleware``, and everything here reads its headers.

    Args:
        name: The name of the type.
        header_names: The headers that it is read from.
        request_id_validator: Tells whether a request id from outside is taken over, by ``False``
            or a ``ValueError`` that it is not. It is asked about those in
            ``[A-Za-z0-9._:=/+-]{1,128}`` alone; others never are.
    """

    class CustomRequestContext(RequestContext):
        @classmethod
        def accepts_request_id(cls, value: str) -> bool:
            if not is_request_id(value):
                return False
            return request_id_validator is None or request_id_validator(value)

    CustomRequestContext.header_names = header_names
    CustomRequestContext.__name__ = CustomRequestContext.__qualname__ = name
    return CustomRequestContext
