"""Who is calling, by the event that API Gateway invokes a Lambda function with.

The event comes from the gateway itself, through an adapter such as Mangum, which puts it into the
scope: no caller can write it.

See Also:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import Scope

from saigon.fastapi._identity.identity import Identity, login_kind, only_user, parse_logins
from saigon.fastapi._identity.ids import require_identity_id, require_known_pool
from saigon.fastapi.exceptions import IdentityHeaderError
from saigon.model.http import CognitoLogin, CognitoProvider

_EVENT_KEY: Final = "aws.event"
_HTTPS: Final = "https://"
_NOTHING: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True)
class Caller:
    """What an event tells of its caller, whatever the kind of API."""

    identity_id: str | None = None
    logins: tuple[CognitoLogin, ...] = ()


def gateway_context(scope: Scope) -> Mapping[str, Any] | None:
    """Return the ``requestContext`` of API Gateway or of a function URL, if the scope has one.

    A load balancer's says nothing of the caller: its requests are known by their headers.
    """
    event = scope.get(_EVENT_KEY)
    context = _mapping(event, "requestContext") if event is not None else _NOTHING
    return context if context and "elb" not in context else None


def user_of(context: Mapping[str, Any], user_pools: Collection[str]) -> Identity | None:
    """Return the user of one of the pools, ``None`` for a guest or nobody.

    Raises:
        IdentityHeaderError: The caller is known, but not as one user of one of the pools.
    """
    caller = _caller_with_token(context) or _caller_with_signature(context)
    if not caller.logins:
        return None
    user = only_user(caller.logins)
    require_known_pool(user.user_pool_id, user_pools)
    return Identity.of_user("lambda_event_user", user, caller.identity_id)


def identity_of(context: Mapping[str, Any]) -> Identity | None:
    """Return the identity of an identity pool, and its user where it has logged in as one.

    Raises:
        IdentityHeaderError: What the event says of it is malformed.
    """
    caller = _caller_with_signature(context)
    if caller.identity_id is None:
        return None
    match caller.logins:
        case [CognitoProvider() as user]:
            return Identity.of_user("lambda_event_identity", user, caller.identity_id)
    return Identity(
        identity_source="lambda_event_identity",
        identity_id=caller.identity_id,
        login=login_kind(caller.logins),
    )


def _caller_with_token(context: Mapping[str, Any]) -> Caller | None:
    authorizer = _mapping(context, "authorizer")
    # An HTTP API of payload 2.0; a REST API, and an HTTP API of payload 1.0.
    claims = _mapping(_mapping(authorizer, "jwt"), "claims") or _mapping(authorizer, "claims")
    return Caller(logins=(_user_of_claims(claims),)) if claims else None


def _caller_with_signature(context: Mapping[str, Any]) -> Caller:
    # An HTTP API of payload 2.0 and a function URL; a function URL knows no Cognito.
    cognito = _mapping(_mapping(_mapping(context, "authorizer"), "iam"), "cognitoIdentity")
    if cognito:
        return Caller(_identity_id(cognito.get("identityId")), _logins_of_amr(cognito.get("amr")))
    # A REST API, and an HTTP API of payload 1.0.
    identity = _mapping(context, "identity")
    identity_id = _identity_id(identity.get("cognitoIdentityId"))
    if provider := identity.get("cognitoAuthenticationProvider"):
        return Caller(identity_id, parse_logins(_text(provider)))
    if identity_id and identity.get("cognitoAuthenticationType") != "unauthenticated":
        raise IdentityHeaderError("the event does not say how the caller has logged in")
    return Caller(identity_id)


def _logins_of_amr(amr: object) -> tuple[CognitoLogin, ...]:
    """Read ``[authenticated, name, name:subject]``; a guest's is ``[unauthenticated]``."""
    match amr:
        case ["unauthenticated"]:
            return ()
        case ["authenticated", *parts]:
            return parse_logins(",".join(map(_text, parts)))
    raise IdentityHeaderError("the event does not say how the caller has logged in")


def _user_of_claims(claims: Mapping[str, Any]) -> CognitoProvider:
    issuer = _text(claims.get("iss"))
    if not issuer.startswith(_HTTPS):
        raise IdentityHeaderError("the token's issuer is not a user pool")
    issuer = issuer.removeprefix(_HTTPS)
    return only_user(parse_logins(f"{issuer},{issuer}:CognitoSignIn:{_text(claims.get('sub'))}"))


def _identity_id(value: object) -> str | None:
    return require_identity_id(_text(value)) if value else None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise IdentityHeaderError("the event names its caller by something that is no text")
    return value


def _mapping(container: object, name: str) -> Mapping[str, Any]:
    """Return a member that is an object; events have ``null`` where there is nothing to say."""
    value = container.get(name) if isinstance(container, Mapping) else None
    return value if isinstance(value, Mapping) else _NOTHING
