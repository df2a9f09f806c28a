"""Where a request's identity comes from: one source, behind one rule of trust."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from starlette.types import Scope

from saigon.fastapi._header_names import HeaderNames
from saigon.fastapi._raw_headers import header_values
from saigon.fastapi._trust import TrustRule
from saigon.fastapi.exceptions import ConfigurationError, IdentityHeaderError
from saigon.model.http import CognitoProvider, CognitoProviderError

IdentityKind: TypeAlias = Literal["cognito_provider", "identity_id"]

_IDENTITY_ID: Final = re.compile(
    r"[a-z]{2}(?:-[a-z0-9]+)+-[0-9]:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the configured source says is calling."""

    source: IdentityKind
    user_sub: str | None = None
    user_pool_id: str | None = None
    user_region: str | None = None
    identity_id: str | None = None


@dataclass(frozen=True, slots=True)
class CognitoProviderHeader:
    """The user of a user pool, in the header that API Gateway fills with the provider string.

    Its value is ``$context.identity.cognitoAuthenticationProvider``.
    """

    trust: TrustRule
    """When the header is believed."""

    user_pools: Collection[str]
    """The ids of the user pools whose users are known here."""

    def __post_init__(self) -> None:
        if isinstance(self.user_pools, str) or not self.user_pools:
            raise ConfigurationError("expected the ids of the user pools, at least one")

    def header(self, names: HeaderNames) -> str:
        """Return the header that is read."""
        return names.cognito_provider

    def identify(self, value: str) -> Identity:
        """Read the header's value.

        Raises:
            IdentityHeaderError: It is not the provider string of a user of one of the pools.
        """
        try:
            provider = CognitoProvider.parse(value)
        except CognitoProviderError as exc:
            raise IdentityHeaderError(str(exc)) from exc
        if provider.user_pool_id not in self.user_pools:
            raise IdentityHeaderError("the user pool is not one of those known here")
        return Identity(
            source="cognito_provider",
            user_sub=provider.sub,
            user_pool_id=provider.user_pool_id,
            user_region=provider.region,
        )


@dataclass(frozen=True, slots=True)
class IdentityIdHeader:
    """The identity of an identity pool, in the header that API Gateway fills with its id.

    Its value is ``$context.identity.cognitoIdentityId``, in the form ``{region}:{uuid}``.
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
        if _IDENTITY_ID.fullmatch(value) is None:
            raise IdentityHeaderError("not the id of an identity pool's identity")
        return Identity(source="identity_id", identity_id=value)


IdentitySource: TypeAlias = CognitoProviderHeader | IdentityIdHeader


def read_identity(
    source: IdentitySource | None, scope: Scope, names: HeaderNames
) -> Identity | None:
    """Return the identity of a request, ``None`` where it has none that is believed.

    Raises:
        IdentityHeaderError: The header is believed, but came twice or is malformed.
    """
    if source is None or not source.trust.trusts(scope):
        return None
    values = header_values(scope, source.header(names))
    if not values or values == [b""]:
        return None
    if len(values) > 1:
        raise IdentityHeaderError("the identity came more than once")
    return source.identify(values[0].decode("latin-1"))


def ignored_identity_headers(
    source: IdentitySource | None, scope: Scope, names: HeaderNames, *, believed: bool
) -> list[str]:
    """Return the identity headers that a request carries without being believed in them."""
    used = source.header(names) if source is not None and believed else None
    candidates = (names.cognito_provider, names.identity_id)
    return [name for name in candidates if name != used and header_values(scope, name)]
