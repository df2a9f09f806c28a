"""Verify the ID tokens of a local user pool, as an identity pool does.

With joserfc, which moto's server brings, so that what ``saigon.aws.cognito`` verifies with PyJWT is
verified here by other code.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import requests
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError
from joserfc.jwk import KeySet

_TIMEOUT_SECONDS = 10


class TokenRefusedError(Exception):
    """An ID token does not prove what it claims; the message is AWS's and quotes no token."""


def fetch_keys(jwks_url: str) -> KeySet:
    """Fetch the public keys of a user pool on this machine, past any proxy."""
    with requests.Session() as session:
        session.trust_env = False
        response = session.get(jwks_url, timeout=_TIMEOUT_SECONDS)
    response.raise_for_status()
    return KeySet.import_key_set(response.json())


def verify_id_token(
    token: str, *, keys: KeySet, issuer: str, audience: str, now: datetime
) -> Mapping[str, Any]:
    """Return the claims of an ID token of the pool for the app client.

    Raises:
        TokenRefusedError: The token is malformed, forged, expired, of another pool or app client,
            or not an ID token.
    """
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        exp={"essential": True},
        sub={"essential": True},
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        token_use={"essential": True, "value": "id"},
    )
    try:
        claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
        registry.validate(claims)
    except ExpiredTokenError:
        raise TokenRefusedError("Invalid login token. Token expired.") from None
    except InvalidClaimError as error:
        raise TokenRefusedError(f"Invalid login token. Unexpected {error.claim}.") from None
    except (JoseError, ValueError):
        raise TokenRefusedError(
            "Invalid login token. Not a valid OpenId Connect identity token."
        ) from None
    return claims
