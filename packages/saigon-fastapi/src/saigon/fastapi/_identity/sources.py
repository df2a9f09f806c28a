"""Where a request's identity comes from: one source, and for a header the rule of trust."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from saigon.fastapi._identity.identity import Identity, only_user, parse_logins
from saigon.fastapi._identity.ids import require_identity_id, require_known_pool, require_pool_ids
from saigon.fastapi._identity.trust import TrustRule
from saigon.fastapi._request.header_names import HeaderNames


@dataclass(frozen=True)
class CognitoProviderHeader:
    """The user of a user pool, in the header that API Gateway fills with the provider string.

    Its value is ``$context.identity.cognitoAuthenticationProvider``. Where API Gateway invokes a
    Lambda function, the event is read instead, as for :class:`LambdaEventUser`.
    """

    trust: TrustRule
    """When the header is believed."""

    user_pools: Collection[str]
    """The ids of the user pools whose users are known here."""

    def __post_init__(self) -> None:
        require_pool_ids(self.user_pools)

    def header(self, names: HeaderNames) -> str:
        """Return the header that is read."""
        return names.cognito_provider

    def identify(self, value: str) -> Identity:
        """Read the header's value.

        Raises:
            IdentityHeaderError: It is not the provider string of a user of one of the pools.
        """
        user = only_user(parse_logins(value))
        require_known_pool(user.user_pool_id, self.user_pools)
        return Identity.of_user("cognito_provider", user)


@dataclass(frozen=True)
class IdentityIdHeader:
    """The identity of an identity pool, in the header that API Gateway fills with its id.

    Its value is ``$context.identity.cognitoIdentityId``, in the form ``{region}:{uuid}``. Where API
    Gateway invokes a Lambda function, the event is read instead, as for
    :class:`LambdaEventIdentity`.
    """

    trust: TrustRule
    """When the header is believed."""

    def header(self, names: HeaderNames) -> str:
        """Return the header that is read."""
        return names.identity_id

    def identify(self, value: str) -> Identity:
        """Read the header's value.

        Raises:
            IdentityHeaderError: It is not the id of an identity.
        """
        return Identity(identity_source="identity_id", identity_id=require_identity_id(value))


@dataclass(frozen=True)
class LambdaEventUser:
    """The user of a user pool, in the event that invokes a Lambda function; never in a header.

    Read from the events of REST APIs and HTTP APIs, whether these ask for a signature (IAM) or for
    a token of the user pool.
    """

    user_pools: Collection[str]
    """The ids of the user pools whose users are known here."""

    def __post_init__(self) -> None:
        require_pool_ids(self.user_pools)


@dataclass(frozen=True)
class LambdaEventIdentity:
    """The identity of an identity pool, in the event that invokes a Lambda function.

    How it has logged in is told by ``RequestContext.login``; a guest has an identity too.
    """


HeaderSource: TypeAlias = CognitoProviderHeader | IdentityIdHeader
UserSource: TypeAlias = CognitoProviderHeader | LambdaEventUser

IdentitySource: TypeAlias = HeaderSource | LambdaEventUser | LambdaEventIdentity
"""The one thing that tells who is calling."""


def check_trust(source: IdentitySource | None) -> None:
    """Refuse surroundings in which the source would believe anyone.

    An event needs no rule of trust: no caller writes it.

    Raises:
        ConfigurationError: The rule of trust would not hold.
    """
    if isinstance(source, HeaderSource):
        source.trust.check()
