"""Take the one token that an operation needs out of what a caller has."""

import re
from typing import Any, Final

from saigon.aws.cognito._text import plain_text
from saigon.aws.cognito._tokens.unverified import MAX_TOKEN_LENGTH, unverified_claims
from saigon.aws.cognito.exceptions import InvalidInputError
from saigon.aws.cognito.models import AuthTokens

_TOKEN: Final = re.compile(r"[A-Za-z0-9_=.-]+", re.ASCII)


def access_token_of(tokens: Any) -> str:
    """Return the text of the access token, out of the tokens or given alone."""
    if isinstance(tokens, AuthTokens):
        return _checked_token(tokens.access_token)
    token = plain_text(tokens)
    if (unverified_claims(token) or {}).get("token_use") != "access":
        raise InvalidInputError("tokens", "tokens as Cognito gave them, or an access token")
    return _checked_token(token)


def id_token_of(tokens: Any) -> str:
    """Return the text of the ID token, out of the tokens or given alone."""
    token = plain_text(tokens.id_token if isinstance(tokens, AuthTokens) else tokens)
    if (unverified_claims(token) or {}).get("token_use") != "id":
        raise InvalidInputError("tokens", "an ID token, not an access token or other text")
    return _checked_token(token)


def refresh_token_of(tokens: Any) -> str:
    """Return the text of the refresh token."""
    if not isinstance(tokens, AuthTokens):
        raise InvalidInputError("tokens", "tokens as Cognito gave them")
    return _checked_token(tokens.refresh_token)


def _checked_token(value: Any) -> str:
    text = plain_text(value)
    if len(text) <= MAX_TOKEN_LENGTH and _TOKEN.fullmatch(text):
        return text
    raise InvalidInputError("tokens", "tokens as Cognito gave them")
