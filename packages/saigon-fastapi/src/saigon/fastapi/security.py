"""Access tokens of a Cognito user pool as a dependency; needs the extra ``[cognito]``.

For services that are called without API Gateway's IAM authorisation; behind it the identity comes
from :mod:`saigon.fastapi.headers`.
"""

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from fastapi import HTTPException
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBearer
from fastapi.openapi.models import SecurityBase as SecurityScheme
from fastapi.security import SecurityScopes
from fastapi.security.base import SecurityBase
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from saigon.fastapi._request.raw_headers import single_header
from saigon.fastapi.exceptions import MissingExtraError

if TYPE_CHECKING:
    from saigon.aws.cognito import AccessTokenClaims

__all__ = ["AccessTokenVerifier", "CognitoBearer"]

_AUTHORIZATION: Final = "Authorization"


class AccessTokenVerifier(Protocol):
    """What verifies the tokens: ``saigon.aws.cognito.CognitoIdp``."""

    def verify_access_token(
        self, token: str, *, scopes: Collection[str] = (), groups: Collection[str] = ()
    ) -> "AccessTokenClaims":
        """Return the token's claims, or raise what is wrong with it."""
        ...


class CognitoBearer(SecurityBase):
    """Requires an access token and gives the endpoint its claims.

    Without a token, or with one that proves nothing, the answer is 401 with ``WWW-Authenticate``;
    without a scope or group that is needed, 403; while the pool's keys are out of reach, 503.

    Example:
        ``Annotated[AccessTokenClaims, Security(bearer, scopes=["orders/write"])]``

    Args:
        verifier: The user pool and app client.
        scopes: Scopes that every token needs; ``Security(…, scopes=…)`` adds those of an endpoint.
        groups: Groups that every user has to be in.
        header_name: Where the token comes, for services in whose ``Authorization`` there is a
            signature. In another header the word ``Bearer`` may be left out.
        scheme_name: The name of the scheme in the OpenAPI document.

    Raises:
        MissingExtraError: ``saigon-fastapi[cognito]`` is not installed.

    See Also:
        https://www.rfc-editor.org/rfc/rfc6750#section-3
    """

    def __init__(
        self,
        verifier: AccessTokenVerifier,
        *,
        scopes: Collection[str] = (),
        groups: Collection[str] = (),
        header_name: str = _AUTHORIZATION,
        scheme_name: str = "Cognito",
    ) -> None:
        try:
            from saigon.aws.cognito import exceptions
        except ModuleNotFoundError as exc:
            raise MissingExtraError("cognito", exc.name) from exc
        self._errors = exceptions
        self._verifier = verifier
        self._scopes = tuple(scopes)
        self._groups = tuple(groups)
        self._header_name = header_name
        self._in_authorization = header_name.lower() == _AUTHORIZATION.lower()
        self.scheme_name: str = scheme_name
        self.model: SecurityScheme = (
            HTTPBearer(bearerFormat="JWT")
            if self._in_authorization
            else APIKey.model_validate({"in": APIKeyIn.header, "name": header_name})
        )

    async def __call__(
        self, connection: HTTPConnection, security_scopes: SecurityScopes
    ) -> "AccessTokenClaims":
        """Return the claims of the token of a request or websocket.

        Raises:
            HTTPException: 401, 403 or 503.
        """
        verify = partial(
            self._verifier.verify_access_token,
            self._token(connection),
            scopes=(*self._scopes, *security_scopes.scopes),
            groups=self._groups,
        )
        try:
            return await run_in_threadpool(verify)  # it may have to fetch the keys
        except self._errors.JwksUnavailableError as exc:
            raise HTTPException(503, headers={"Retry-After": "5"}) from exc
        except self._errors.TokenScopeError as exc:
            raise _refusal(403, "insufficient_scope") from exc
        except self._errors.TokenVerificationError as exc:
            raise _refusal(401, "invalid_token") from exc

    def _token(self, connection: HTTPConnection) -> str:
        value = single_header(connection.scope, self._header_name) or ""
        scheme, _, token = value.partition(" ")
        if scheme.lower() == "bearer" and token:
            return token.strip()
        if value and not self._in_authorization:
            return value
        raise _refusal(401)


def _refusal(status: int, error: str | None = None) -> HTTPException:
    challenge = "Bearer" if error is None else f'Bearer error="{error}"'
    return HTTPException(status, headers={"WWW-Authenticate": challenge})
