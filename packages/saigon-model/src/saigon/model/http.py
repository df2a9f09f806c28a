"""Header names, and the grammar of the Cognito provider string, for both sides of a request.

``saigon.fastapi`` reads them and the local gateway of ``saigon.rest`` writes them; neither imports
the other.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

__all__ = [
    "AMZN_TRACE_ID_HEADER",
    "COGNITO_AUTH_PROVIDER_HEADER",
    "IDEMPOTENCY_KEY_HEADER",
    "IDENTITY_ID_HEADER",
    "REQUEST_ID_HEADER",
    "TRACEPARENT_HEADER",
    "CognitoLogin",
    "CognitoProvider",
    "CognitoProviderError",
    "FederatedLogin",
    "is_request_id",
    "parse_cognito_logins",
]

REQUEST_ID_HEADER: Final = "X-Request-Id"
"""The id of a request, kept along its way and in all logs."""

IDENTITY_ID_HEADER: Final = "X-Api-IdentityId"
"""The caller's identity in a Cognito identity pool, as the gateway maps it."""

COGNITO_AUTH_PROVIDER_HEADER: Final = "X-Cognito-AuthProvider"
"""The caller's Cognito provider string (:class:`CognitoProvider`), as the gateway maps it."""

AMZN_TRACE_ID_HEADER: Final = "X-Amzn-Trace-Id"
"""The trace of AWS X-Ray, set by load balancers and API Gateway."""

TRACEPARENT_HEADER: Final = "traceparent"
"""The trace of W3C Trace Context: https://www.w3.org/TR/trace-context/"""

IDEMPOTENCY_KEY_HEADER: Final = "Idempotency-Key"
"""The key by which a service knows a request that is sent again."""

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:=/+-]{1,128}", re.ASCII)
_ISSUER: Final = (
    r"cognito-idp\.(?P<region{n}>[a-z]{{2}}(?:-[a-z0-9]+)+-[0-9])\.(?P<domain{n}>amazonaws\.com(?:\.cn)?)"
    r"/(?P<pool{n}>[a-z0-9-]+_[A-Za-z0-9]+)"
)
_SUB: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_PROVIDER: Final = re.compile(
    _ISSUER.format(n=1) + "," + _ISSUER.format(n=2) + rf":CognitoSignIn:(?P<sub>{_SUB})",
    re.ASCII,
)
_PROVIDER_MAX_LENGTH: Final = 512
_LOGINS_MAX_LENGTH: Final = 2048
_MAX_LOGINS: Final = 20
_LOGIN_PART: Final = re.compile(r"[!-+\--~]+", re.ASCII)  # what is printed, but space and comma
_USER_POOLS: Final = "cognito-idp."


class CognitoProviderError(ValueError):
    """A value is not a Cognito provider string; the message never quotes it."""


@dataclass(frozen=True, slots=True)
class CognitoProvider:
    """The user pool and user behind an identity of an identity pool.

    API Gateway gives it as ``$context.identity.cognitoAuthenticationProvider``, in the form
    ``cognito-idp.{region}.amazonaws.com/{pool},cognito-idp.{region}.amazonaws.com/{pool}``
    ``:CognitoSignIn:{sub}``.

    See Also:
        https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
    """

    region: str
    user_pool_id: str
    sub: str

    @classmethod
    def parse(cls, value: str) -> "CognitoProvider":
        """Read the one form that a user of a user pool has.

        Raises:
            CognitoProviderError: It is another form, longer than 512 characters, names two
                pools, or the pool is not of the region named before it.
        """
        match = _PROVIDER.fullmatch(value) if len(value) <= _PROVIDER_MAX_LENGTH else None
        if match is None:
            raise CognitoProviderError("not the provider string of a Cognito user pool's user")
        if (match["region1"], match["pool1"]) != (match["region2"], match["pool2"]):
            raise CognitoProviderError("the two halves of the provider string name two user pools")
        if not match["pool1"].startswith(match["region1"] + "_"):
            raise CognitoProviderError("the user pool is not of the region named before it")
        if not match["domain1"] == match["domain2"] == _domain(match["region1"]):
            raise CognitoProviderError("the domain is not that of the region")
        return cls(region=match["region1"], user_pool_id=match["pool1"], sub=match["sub"])

    def __str__(self) -> str:
        """Give the provider string back as API Gateway writes it."""
        issuer = f"{_USER_POOLS}{self.region}.{_domain(self.region)}/{self.user_pool_id}"
        return f"{issuer},{issuer}:CognitoSignIn:{self.sub}"


def _domain(region: str) -> str:
    # https://docs.aws.amazon.com/general/latest/gr/rande.html
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


@dataclass(frozen=True, slots=True)
class FederatedLogin:
    """The login behind an identity that came by another provider than a user pool.

    See Also:
        https://docs.aws.amazon.com/cognito/latest/developerguide/external-identity-providers.html
    """

    provider: str
    """Its name: ``accounts.google.com``, the ARN of a SAML provider, or a developer's own."""

    subject: str
    """Whom the provider means, in a form of its own. It is no user of a user pool."""


CognitoLogin: TypeAlias = CognitoProvider | FederatedLogin
"""One login behind an identity."""


def parse_cognito_logins(value: str) -> tuple[CognitoLogin, ...]:
    """Read a provider string of any kind: one login, or several that are linked to one identity.

    Which of several was used does not stand there, so it is not to be guessed.

    Raises:
        CognitoProviderError: It is not of the form ``name,name:subject`` for each login, names a
            user pool in another form than :class:`CognitoProvider` has, or holds more than 20
            logins or 2048 characters.
    """
    parts = value.split(",", 2 * _MAX_LOGINS) if len(value) <= _LOGINS_MAX_LENGTH else []
    names = [part for part in parts if not any(part.startswith(f"{name}:") for name in parts)]
    if not parts or len(set(names)) != len(names) or not all(map(_LOGIN_PART.fullmatch, parts)):
        raise CognitoProviderError("not a provider string of an identity")
    return tuple(_login(name, _subject(name, names, parts)) for name in names)


def _subject(name: str, names: Sequence[str], parts: Sequence[str]) -> str:
    found = [part.removeprefix(f"{name}:") for part in parts if part.startswith(f"{name}:")]
    if len(found) != 1 or not found[0] or len(parts) != 2 * len(names):
        raise CognitoProviderError("a provider has not exactly one subject")
    return found[0]


def _login(name: str, subject: str) -> CognitoLogin:
    if name.startswith(_USER_POOLS):
        return CognitoProvider.parse(f"{name},{name}:{subject}")
    return FederatedLogin(name, subject)


def is_request_id(value: str) -> bool:
    """Tell whether a request id from outside is safe to take over into logs and headers."""
    return _REQUEST_ID.fullmatch(value) is not None
