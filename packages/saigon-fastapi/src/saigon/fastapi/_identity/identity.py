"""Who is calling, as one source tells it."""

from dataclasses import dataclass
from typing import Final, Literal, Self, TypeAlias

from saigon.fastapi.exceptions import IdentityHeaderError
from saigon.model.http import (
    CognitoLogin,
    CognitoProvider,
    CognitoProviderError,
    parse_cognito_logins,
)

IdentityKind: TypeAlias = Literal[
    "cognito_provider", "identity_id", "lambda_event_user", "lambda_event_identity"
]
"""Which source an identity came from."""

LoginKind: TypeAlias = Literal["user_pool", "federated", "linked", "guest"]
"""How an identity has logged in: by a user pool, by another provider, by several, or not at all."""

_USERS: Final = frozenset({"cognito_provider", "lambda_event_user"})


def principal_of(
    source: IdentityKind | None, user_sub: str | None, identity_id: str | None
) -> str | None:
    """Return who is calling: the user or the identity, by what the source is for."""
    if source is None:
        return None
    return user_sub if source in _USERS else identity_id


@dataclass(frozen=True)
class Identity:
    """Who the configured source says is calling, by the names of the context's members."""

    identity_source: IdentityKind
    user_sub: str | None = None
    user_pool_id: str | None = None
    user_region: str | None = None
    identity_id: str | None = None
    login: LoginKind | None = None

    @classmethod
    def of_user(
        cls, source: IdentityKind, user: CognitoProvider, identity_id: str | None = None
    ) -> Self:
        """Return the identity of a user of a user pool."""
        return cls(
            identity_source=source,
            user_sub=user.sub,
            user_pool_id=user.user_pool_id,
            user_region=user.region,
            identity_id=identity_id,
            login="user_pool",
        )


def parse_logins(provider_string: str) -> tuple[CognitoLogin, ...]:
    """Read a provider string.

    Raises:
        IdentityHeaderError: It is none.
    """
    try:
        return parse_cognito_logins(provider_string)
    except CognitoProviderError as exc:
        raise IdentityHeaderError(str(exc)) from exc


def login_kind(logins: tuple[CognitoLogin, ...]) -> LoginKind:
    """Return how the identity of these logins, which are no user of a user pool, has logged in."""
    if not logins:
        return "guest"
    return "federated" if len(logins) == 1 else "linked"


def only_user(logins: tuple[CognitoLogin, ...]) -> CognitoProvider:
    """Return the user that one login of a user pool means.

    Raises:
        IdentityHeaderError: There is another login, or more than one.
    """
    match logins:
        case [CognitoProvider() as user]:
            return user
        case [_]:
            raise IdentityHeaderError("the login is federated: it has no user of a user pool")
    raise IdentityHeaderError("the identity has several logins, and which was used is not told")
