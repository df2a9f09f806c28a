"""The ``$context`` variables of each kind of API, and the headers that they fill by default.

See Also:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from saigon.model.http import (
    COGNITO_AUTH_PROVIDER_HEADER,
    IDENTITY_ID_HEADER,
    REQUEST_ID_HEADER,
    CognitoProvider,
)
from saigon.rest.exceptions import ConfigurationError
from saigon.rest.gateway._answers.refusal import Flavour
from saigon.rest.gateway._asgi import raw_path
from saigon.rest.gateway._callers import GatewayCaller
from saigon.rest.gateway._onward.exchange import Exchange

DEFAULT_MAPPING: Final[Mapping[str, str]] = MappingProxyType(
    {
        COGNITO_AUTH_PROVIDER_HEADER: "$context.identity.cognitoAuthenticationProvider",
        IDENTITY_ID_HEADER: "$context.identity.cognitoIdentityId",
        REQUEST_ID_HEADER: "$context.requestId",
    }
)
"""The identity and request headers that ``saigon.fastapi`` reads, and where they come from."""

_OfCaller: TypeAlias = Callable[[GatewayCaller], str | None]
_OfRequest: TypeAlias = Callable[[Exchange], str | None]

# An account and a role have no counterpart on this machine; what follows is in their form.
_ACCOUNT: Final = "123456789012"
_ROLE: Final = "AROALOCALLOCALLOCALL"
_SESSION: Final = "CognitoIdentityCredentials"


def _provider(caller: GatewayCaller) -> str:
    return str(
        CognitoProvider(region=caller.region, user_pool_id=caller.user_pool_id, sub=caller.user_sub)
    )


_OF_CALLERS: Final[Mapping[str, _OfCaller]] = {
    "$context.identity.accountId": lambda _caller: _ACCOUNT,
    "$context.identity.caller": lambda _caller: f"{_ROLE}:{_SESSION}",
    "$context.identity.cognitoAuthenticationProvider": _provider,
    "$context.identity.cognitoAuthenticationType": lambda _caller: "authenticated",
    "$context.identity.cognitoIdentityId": lambda caller: caller.identity_id,
    "$context.identity.cognitoIdentityPoolId": lambda caller: getattr(
        caller, "identity_pool_id", None
    ),
    "$context.identity.user": lambda _caller: f"{_ROLE}:{_SESSION}",
    "$context.identity.userArn": lambda _caller: (
        f"arn:aws:sts::{_ACCOUNT}:assumed-role/Cognito_LocalAuth_Role/{_SESSION}"
    ),
}
_OF_REST_CALLERS: Final[Mapping[str, _OfCaller]] = {
    "$context.identity.accessKey": lambda caller: caller.access_key_id,
}
_OF_REQUESTS: Final[Mapping[str, _OfRequest]] = {
    "$context.domainName": lambda exchange: exchange.header(b"host"),
    "$context.extendedRequestId": lambda exchange: exchange.ids.extended_request_id,
    "$context.httpMethod": lambda exchange: exchange.scope["method"],
    "$context.identity.sourceIp": lambda exchange: exchange.source_ip,
    "$context.identity.userAgent": lambda exchange: exchange.header(b"user-agent"),
    # Not decoded: a path may hold escaped line breaks, which no header may.
    "$context.path": lambda exchange: raw_path(exchange.scope),
    "$context.protocol": lambda exchange: f"HTTP/{exchange.scope.get('http_version', '1.1')}",
    "$context.requestId": lambda exchange: exchange.ids.request_id,
    "$context.requestTimeEpoch": lambda exchange: str(int(exchange.now.timestamp() * 1000)),
    "$context.stage": lambda exchange: exchange.stage,
}


class Variables:
    """The variables of one kind of API.

    Args:
        flavour: The kind.
    """

    def __init__(self, flavour: Flavour) -> None:
        self._flavour = flavour
        self._of_callers = {**_OF_CALLERS, **(_OF_REST_CALLERS if flavour == "rest" else {})}

    def check(self, mapping: Mapping[str, str]) -> dict[str, str]:
        """Refuse a mapping from something that this kind of API, or the gateway, does not know."""
        known = {*self._of_callers, *_OF_REQUESTS}
        if unknown := sorted(set(mapping.values()) - known):
            raise ConfigurationError(
                f"flavour {self._flavour!r}: unknown variables {unknown}; known are {sorted(known)}"
            )
        return dict(mapping)

    def is_of_callers(self, variable: str) -> bool:
        """Tell whether a variable says who has signed the request."""
        return variable in self._of_callers

    def value(self, variable: str, exchange: Exchange) -> str | None:
        """Return a variable's value, None where it is empty."""
        if variable in _OF_REQUESTS:
            return _OF_REQUESTS[variable](exchange)
        return self._of_callers[variable](exchange.caller) if exchange.caller else None
