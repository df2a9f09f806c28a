"""Refuse bad input before any request; the errors name the argument and the rule, never the value.

The lengths and characters are those of the API reference.

See Also:
    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminCreateUser.html
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import SecretStr

from saigon.aws.cognito.exceptions import InvalidInputError

_TOKEN: Final = re.compile(r"[A-Za-z0-9_=.-]+", re.ASCII)
_FILTER_NAME: Final = re.compile(r"[a-z_:]+", re.ASCII)
_MAX_TOKEN_LENGTH: Final = 20_000
_MAX_PAGE: Final = 60


def checked_name(field: str, value: Any, *, max_length: int = 128) -> str:
    """Return a user or group name: letters, marks, symbols, numbers, punctuation."""
    if isinstance(value, str) and 1 <= len(value) <= max_length and _is_visible(value):
        return value
    raise InvalidInputError(
        field, f"1 to {max_length} characters without spaces or control characters"
    )


def checked_names(field: str, values: Any) -> list[str]:
    """Return group names, without the doubled ones."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidInputError(field, "a sequence of names")
    return list(dict.fromkeys(checked_name(field, value) for value in values))


def checked_password(field: str, value: Any) -> str:
    """Return a password exactly as it is: it is not stripped or normalised."""
    return _checked_secret(field, value, 256)


def checked_code(field: str, value: Any) -> str:
    """Return a confirmation code or the answer to a challenge."""
    return _checked_secret(field, value, 2048)


def access_token_of(tokens: Any) -> str:
    """Return the text of the access token."""
    return _checked_token(getattr(tokens, "access_token", None))


def refresh_token_of(tokens: Any) -> str:
    """Return the text of the refresh token."""
    return _checked_token(getattr(tokens, "refresh_token", None))


def checked_attributes(field: str, values: Any) -> list[dict[str, str]]:
    """Return attributes in the API's own form."""
    if not isinstance(values, Mapping):
        raise InvalidInputError(field, "a mapping of names to text")
    return [_attribute(field, name, value) for name, value in values.items()]


def checked_page_size(field: str, value: Any) -> int:
    """Return how many users a page holds."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_PAGE:
        return value
    raise InvalidInputError(field, f"a whole number from 1 to {_MAX_PAGE}")


def user_filter(attribute: Any, *, equals: Any, starts_with: Any) -> str | None:
    """Return the filter of ListUsers, with its value quoted.

    See Also:
        https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_ListUsers.html
    """
    if attribute is None and equals is None and starts_with is None:
        return None
    if not isinstance(attribute, str) or not _FILTER_NAME.fullmatch(attribute):
        raise InvalidInputError("attribute", "the name of a standard attribute")
    if (equals is None) == (starts_with is None):
        raise InvalidInputError("equals", "either equals or starts_with, and not both")
    sign, value = ("=", equals) if starts_with is None else ("^=", starts_with)
    if not isinstance(value, str):
        raise InvalidInputError("equals" if sign == "=" else "starts_with", "text")
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{attribute} {sign} "{quoted}"'


def _attribute(field: str, name: Any, value: Any) -> dict[str, str]:
    checked_name(field, name, max_length=32)
    if not isinstance(value, str) or len(value) > 2048 or not _is_unicode(value):  # noqa: PLR2004  # the API's limit
        raise InvalidInputError(f"{field}[{name}]", "text of up to 2048 characters")
    return {"Name": name, "Value": value}


def _checked_secret(field: str, value: Any, max_length: int) -> str:
    text = plain_text(value)
    if text and not text.isspace() and len(text) <= max_length and _is_unicode(text):
        return text
    raise InvalidInputError(field, f"1 to {max_length} characters that are not all spaces")


def _checked_token(value: Any) -> str:
    text = plain_text(value)
    if len(text) <= _MAX_TOKEN_LENGTH and _TOKEN.fullmatch(text):
        return text
    raise InvalidInputError("tokens", "tokens as Cognito gave them")


def plain_text(value: Any) -> str:
    """Return the text of a secret or of text, and nothing of anything else."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value if isinstance(value, str) else ""


def _is_unicode(value: str) -> bool:
    """Tell whether the text can be encoded; the error of one that cannot would quote all of it."""
    return not any(unicodedata.category(character) == "Cs" for character in value)


def _is_visible(value: str) -> bool:
    return all(unicodedata.category(character)[0] in "LMSNP" for character in value)
