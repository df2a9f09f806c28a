"""The ids by which identities and user pools are known."""

import re
from collections.abc import Collection
from typing import Final

from saigon.fastapi.exceptions import ConfigurationError, IdentityHeaderError

_IDENTITY_ID: Final = re.compile(
    r"[a-z]{2}(?:-[a-z0-9]+)+-[0-9]:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)


def require_identity_id(value: str) -> str:
    """Return the value, which is ``{region}:{uuid}``.

    Raises:
        IdentityHeaderError: It is not.
    """
    if _IDENTITY_ID.fullmatch(value) is None:
        raise IdentityHeaderError("not the id of an identity pool's identity")
    return value


def require_known_pool(user_pool_id: str, known: Collection[str]) -> None:
    """Do nothing for one of the pools that are known.

    Raises:
        IdentityHeaderError: It is another.
    """
    if user_pool_id not in known:
        raise IdentityHeaderError("the user pool is not one of those known here")


def require_pool_ids(user_pools: Collection[str]) -> None:
    """Do nothing for a collection of ids.

    Raises:
        ConfigurationError: It is a text, or empty.
    """
    if isinstance(user_pools, str) or not user_pools:
        raise ConfigurationError("expected the ids of the user pools, at least one")
