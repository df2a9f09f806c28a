"""What API Gateway knows of a request, and the headers that it is mapped to.

See Also:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from saigon.model.http import (
    COGNITO_AUTH_PROVIDER_HEADER,
    IDENTITY_ID_HEADER,
    REQUEST_ID_HEADER,
    CognitoProvider,
)
from saigon.rest.exceptions import ConfigurationError
from saigon.rest.gateway._callers import GatewayCaller

_VARIABLES: Final[dict[str, Callable[[GatewayCaller, str], str]]] = {
    "$context.requestId": lambda _caller, request_id: request_id,
    "$context.identity.accessKey": lambda caller, _id: caller.access_key_id,
    "$context.identity.cognitoIdentityId": lambda caller, _id: caller.identity_id,
    "$context.identity.cognitoAuthenticationProvider": lambda caller, _id: str(
        CognitoProvider(region=caller.region, user_pool_id=caller.user_pool_id, sub=caller.user_sub)
    ),
}

DEFAULT_MAPPING: Final[Mapping[str, str]] = MappingProxyType(
    {
        COGNITO_AUTH_PROVIDER_HEADER: "$context.identity.cognitoAuthenticationProvider",
        IDENTITY_ID_HEADER: "$context.identity.cognitoIdentityId",
        REQUEST_ID_HEADER: "$context.requestId",
    }
)
"""The identity and request headers that ``saigon.fastapi`` reads, and where they come from."""


def check_mapping(mapping: Mapping[str, str]) -> dict[str, str]:
    """Refuse a mapping from something that the gateway does not know."""
    if unknown := sorted(set(mapping.values()) - set(_VARIABLES)):
        raise ConfigurationError(f"unknown variables {unknown}; known are {sorted(_VARIABLES)}")
    return dict(mapping)


def mapped_headers(
    mapping: Mapping[str, str], caller: GatewayCaller, request_id: str
) -> dict[str, str]:
    """Fill in the mapped headers."""
    return {name: _VARIABLES[variable](caller, request_id) for name, variable in mapping.items()}
