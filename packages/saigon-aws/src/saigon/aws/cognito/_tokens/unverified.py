"""Read a token without verifying it: only for what has just come from Cognito, or goes to it."""

import base64
import binascii
import json
from typing import Any, Final

MAX_TOKEN_LENGTH: Final = 20_000
"""Longer ones are none of Cognito's."""


def unverified_header(token: str) -> dict[str, Any] | None:
    """Return a JWT's header, or None where there is none to be read."""
    return _part(token, 0)


def unverified_claims(token: str) -> dict[str, Any] | None:
    """Return the claims in a JWT's middle part, or None where there are none to be read."""
    return _part(token, 1)


def _part(token: str, index: int) -> dict[str, Any] | None:
    parts = token.split(".") if len(token) <= MAX_TOKEN_LENGTH else ()
    if len(parts) != 3:  # noqa: PLR2004  # header, payload, signature
        return None
    encoded = parts[index]
    try:
        part = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return part if isinstance(part, dict) else None
