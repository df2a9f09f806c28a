"""Verify the tokens of one user pool and its app clients.

See Also:
    https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
"""

import base64
import hashlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar

from saigon.aws.cognito._tokens.unverified import MAX_TOKEN_LENGTH, unverified_header
from saigon.aws.cognito.config import CognitoIdpConfig
from saigon.aws.cognito.exceptions import (
    InvalidInputError,
    TokenAudienceError,
    TokenExpiredError,
    TokenIssuerError,
    TokenMalformedError,
    TokenScopeError,
    TokenSignatureError,
    TokenUseError,
    TokenVerificationError,
)
from saigon.aws.cognito.models import AccessTokenClaims, IdTokenClaims
from saigon.aws.exceptions import MissingExtraError

if TYPE_CHECKING:
    from saigon.aws.cognito._tokens.jwks import JwksClient

ClaimsT = TypeVar("ClaimsT", IdTokenClaims, AccessTokenClaims)

_ALGORITHM: Final = "RS256"
_MAX_KID_LENGTH: Final = 200
_REQUIRED: Final = ("exp", "iat", "iss", "sub", "token_use")


class TokenVerifier:
    """Verifies ID and access tokens, for any number of threads; keys are fetched when needed."""

    def __init__(self, config: CognitoIdpConfig) -> None:
        self._config = config
        self._client_ids = {config.client_id, *config.accepted_client_ids}
        self._jwks: JwksClient | None = None
        self._lock = Lock()

    def verify_id_token(
        self,
        token: str,
        *,
        nonce: str | None,
        access_token: str | None,
        groups: Collection[str],
    ) -> IdTokenClaims:
        """Return the claims of an ID token for the app client."""
        claims = self._verified(token, token_use="id")  # noqa: S106  # a kind, not a secret
        self._require_client("aud", claims)
        if nonce is not None:
            _require(claims.get("nonce") == nonce, TokenVerificationError, "another nonce")
        if access_token is not None:
            expected = _half_hash(access_token)
            _require(claims.get("at_hash") == expected, TokenVerificationError, "another at_hash")
        _require_all("groups", groups, has=_groups(claims))
        return _record(
            IdTokenClaims,
            claims,
            username=claims.get("cognito:username", claims["sub"]),
            audience=claims["aud"],
            email=claims.get("email"),
            email_verified=claims.get("email_verified"),
            roles=_names(claims.get("cognito:roles")),
            preferred_role=claims.get("cognito:preferred_role"),
        )

    def verify_access_token(
        self, token: str, *, scopes: Collection[str], groups: Collection[str]
    ) -> AccessTokenClaims:
        """Return the claims of an access token for the app client."""
        claims = self._verified(token, token_use="access")  # noqa: S106  # a kind, not a secret
        self._require_client("client_id", claims)
        scope = claims.get("scope")
        has = frozenset(scope.split() if isinstance(scope, str) else ())
        _require_all("scopes", scopes, has=has)
        _require_all("groups", groups, has=_groups(claims))
        return _record(
            AccessTokenClaims,
            claims,
            username=claims.get("username", claims["sub"]),
            client_id=claims["client_id"],
            scopes=has,
        )

    def _verified(self, token: str, *, token_use: str) -> Mapping[str, Any]:
        """Check everything that both kinds share: size, header, signature, times, issuer, use."""
        is_text = len(token) <= MAX_TOKEN_LENGTH and token.isascii()
        _require(is_text, TokenMalformedError, "too long a text, or one that is not ASCII")
        key_id = _key_id(token)
        jwt = _pyjwt()
        claims = self._decode(jwt, token, self._keys().key(key_id))
        _require(claims["token_use"] == token_use, TokenUseError, f"no {token_use} token")
        return claims

    def _require_client(self, claim: str, claims: Mapping[str, Any]) -> None:
        client = claims.get(claim)
        is_accepted = isinstance(client, str) and client in self._client_ids
        _require(is_accepted, TokenAudienceError, f"another {claim}")

    def _decode(self, jwt: Any, token: str, key: Any) -> Mapping[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                issuer=self._config.issuer,
                leeway=self._config.leeway,
                # The audience has another name in each kind of token: the callers check it.
                options={"require": list(_REQUIRED), "verify_aud": False},
            )
        except jwt.PyJWTError as error:
            refusal = _refusal(jwt, error)
        else:
            return claims
        # Outside of the handler: PyJWT's error drags the text along that it could not read.
        raise refusal

    def _keys(self) -> "JwksClient":
        from saigon.aws.cognito._tokens.jwks import JwksClient

        with self._lock:
            if self._jwks is None:
                self._jwks = JwksClient(
                    self._config.jwks_url,
                    lifespan=self._config.jwks_lifespan,
                    cooldown=self._config.jwks_cooldown,
                    timeouts=(self._config.connect_timeout, self._config.read_timeout),
                )
            return self._jwks


def _pyjwt() -> Any:
    try:
        import cryptography  # noqa: F401  # PyJWT says of it that a key is wrong
        import jwt
        import requests  # noqa: F401  # for the keys
    except ModuleNotFoundError as error:
        raise MissingExtraError("cognito", error.name) from error
    return jwt


def _key_id(token: str) -> str:
    """Read the header, of which only the key's id is used, and the algorithm only refused."""
    header = unverified_header(token)
    if header is None:
        raise TokenMalformedError("expected a JWT, got other text")
    _require(header.get("alg") == _ALGORITHM, TokenSignatureError, "another algorithm than RS256")
    kid = header.get("kid")
    if not isinstance(kid, str) or not 1 <= len(kid) <= _MAX_KID_LENGTH:
        raise TokenMalformedError("expected a token that names its key, got one without a kid")
    return kid


def _refusal(jwt: Any, error: Exception) -> TokenVerificationError:
    """Say in our words what PyJWT found."""
    kinds: tuple[tuple[Any, type[TokenVerificationError], str], ...] = (
        (jwt.ExpiredSignatureError, TokenExpiredError, "an expired one"),
        (jwt.ImmatureSignatureError, TokenVerificationError, "one that is not valid yet"),
        (jwt.InvalidIssuerError, TokenIssuerError, "another issuer"),
        (jwt.InvalidSignatureError, TokenSignatureError, "another signature"),
        (jwt.InvalidAlgorithmError, TokenSignatureError, "another algorithm"),
    )
    for kind, error_type, got in kinds:
        if isinstance(error, kind):
            return _refused(error_type, got)
    return _refused(TokenMalformedError, "malformed or missing claims")


def _require(condition: bool, error_type: type[TokenVerificationError], got: str) -> None:  # noqa: FBT001  # an assertion
    if not condition:
        raise _refused(error_type, got)


def _refused(error_type: type[TokenVerificationError], got: str) -> TokenVerificationError:
    return error_type(f"expected a valid token of the user pool and app client, got {got}")


def _require_all(field: str, wanted: Any, *, has: Collection[str]) -> None:
    # Text is a collection of its letters, and the empty one would ask for nothing.
    if (
        isinstance(wanted, str | bytes)
        or not isinstance(wanted, Collection)
        or not all(isinstance(name, str) for name in wanted)
    ):
        raise InvalidInputError(field, "a collection of names")
    _require(frozenset(has).issuperset(wanted), TokenScopeError, f"not all the {field}")


def _groups(claims: Mapping[str, Any]) -> tuple[str, ...]:
    return _names(claims.get("cognito:groups"))


def _names(value: Any) -> tuple[str, ...]:
    names = value if isinstance(value, list) else ()
    return tuple(name for name in names if isinstance(name, str))


def _half_hash(token: str) -> str:
    """Return the ``at_hash`` of an access token (OpenID Connect Core 1.0, 3.1.3.6)."""
    digest = hashlib.sha256(token.encode(errors="replace")).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _record(record_type: type[ClaimsT], claims: Mapping[str, Any], **fields: Any) -> ClaimsT:
    auth_time = claims.get("auth_time")
    try:
        return record_type(
            sub=claims["sub"],
            issuer=claims["iss"],
            issued_at=_time(claims["iat"]),
            expires_at=_time(claims["exp"]),
            auth_time=None if auth_time is None else _time(auth_time),
            groups=_groups(claims),
            claims=claims,
            **fields,
        )
    except (InvalidInputError, TypeError, ValueError, OverflowError, OSError) as error:
        raise _refused(TokenMalformedError, "a claim of another type") from error


def _time(seconds: Any) -> datetime:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError("expected a number of seconds")
    return datetime.fromtimestamp(seconds, tz=UTC)
