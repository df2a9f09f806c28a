"""Refuse bad input before any request; the errors name the argument and the rule, never the value.

The lengths and characters are those of the API reference.

See Also:
    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminCreateUser.html
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from saigon.aws.cognito._text import is_unicode, plain_text
from saigon.aws.cognito.exceptions import InvalidInputError
from saigon.aws.cognito.models import DeviceCredentials

_ROLE: Final = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]{1,600}", re.ASCII)
_PAGE_TOKEN: Final = re.compile(r"\S{1,20000}", re.ASCII)
_IDENTITY: Final = re.compile(r"[\w-]{1,20}:[0-9a-f-]{1,36}", re.ASCII)
_DEVICE_KEY: Final = re.compile(r"[\w-]{1,30}_[0-9a-f-]{1,36}", re.ASCII)
_TOTP: Final = re.compile(r"[0-9]{6}", re.ASCII)
_MAX_PAGE: Final = 60
_MAX_PRECEDENCE: Final = 2**31 - 1


def checked_name(field: str, value: Any, *, max_length: int = 128) -> str:
    """Return a user or group name: letters, marks, symbols, numbers, punctuation."""
    if isinstance(value, str) and 1 <= len(value) <= max_length and _is_visible(value):
        return value
    raise InvalidInputError(
        field, f"1 to {max_length} characters without spaces or control characters"
    )


def checked_names(field: str, values: Any) -> list[str]:
    """Return group names, without the doubled ones."""
    return _checked_names(field, values, max_length=128)


def checked_password(field: str, value: Any) -> str:
    """Return a password exactly as it is: it is not stripped or normalised."""
    return _checked_secret(field, value, 256)


def checked_code(field: str, value: Any) -> str:
    """Return a confirmation code or the answer to a challenge."""
    return _checked_secret(field, value, 2048)


def checked_totp(field: str, value: Any) -> str:
    """Return the code that an authenticator app shows."""
    text = plain_text(value)
    if _TOTP.fullmatch(text):
        return text
    raise InvalidInputError(field, "six digits")


def checked_text(field: str, value: Any, *, max_length: int) -> str | None:
    """Return free text, or None where there is none."""
    if value is None:
        return None
    if isinstance(value, str) and 1 <= len(value) <= max_length and is_unicode(value):
        return value
    raise InvalidInputError(field, f"text of 1 to {max_length} characters")


def checked_flag(field: str, value: Any) -> bool:
    """Return a choice of two; text such as ``"false"`` would be taken for true."""
    if isinstance(value, bool):
        return value
    raise InvalidInputError(field, "true or false")


def checked_precedence(field: str, value: Any) -> int | None:
    """Return the rank of a group, or None where there is none."""
    return None if value is None else _checked_whole(field, value, 0, _MAX_PRECEDENCE)


def checked_role(field: str, value: Any) -> str | None:
    """Return the ARN of a role, or None where there is none."""
    if value is None or (isinstance(value, str) and _ROLE.fullmatch(value)):
        return value
    raise InvalidInputError(field, "the ARN of an IAM role")


def checked_identity(field: str, value: Any) -> str | None:
    """Return the id of an identity, or None where there is none."""
    if value is None or (isinstance(value, str) and _IDENTITY.fullmatch(value)):
        return value
    raise InvalidInputError(field, "the identity_id of credentials")


def checked_device(value: Any) -> DeviceCredentials:
    """Return the credentials of a device."""
    if isinstance(value, DeviceCredentials):
        return value
    raise InvalidInputError("device", "the DeviceCredentials of confirm_device")


def checked_device_key(value: Any) -> str:
    """Return the key of a device, out of its credentials or given alone."""
    if isinstance(value, DeviceCredentials):
        return value.device_key
    if isinstance(value, str) and _DEVICE_KEY.fullmatch(value):
        return value
    raise InvalidInputError("device", "the DeviceCredentials of confirm_device, or a device key")


def checked_attributes(field: str, values: Any) -> list[dict[str, str]]:
    """Return attributes in the API's own form; none where there are none."""
    if values is None:
        return []
    if not isinstance(values, Mapping):
        raise InvalidInputError(field, "a mapping of names to text")
    return [_attribute(field, name, value) for name, value in values.items()]


def checked_changes(field: str, values: Any) -> list[dict[str, str]]:
    """Return attributes to change, at least one."""
    changes = checked_attributes(field, values)
    if not changes:
        raise InvalidInputError(field, "at least one attribute")
    return changes


def checked_attribute_names(field: str, values: Any) -> list[str]:
    """Return the names of attributes."""
    names = _checked_names(field, values, max_length=32)
    if not names:
        raise InvalidInputError(field, "at least one name")
    return names


def checked_page_size(field: str, value: Any) -> int:
    """Return how many entries a page holds."""
    return _checked_whole(field, value, 1, _MAX_PAGE)


def checked_page_token(field: str, value: Any) -> str | None:
    """Return the token of a page, or None for the first one."""
    if value is None or (isinstance(value, str) and _PAGE_TOKEN.fullmatch(value)):
        return value
    raise InvalidInputError(field, "the pagination_token of a page")


def _checked_names(field: str, values: Any, *, max_length: int) -> list[str]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidInputError(field, "a sequence of names")
    checked = (checked_name(field, value, max_length=max_length) for value in values)
    return list(dict.fromkeys(checked))


def _attribute(field: str, name: Any, value: Any) -> dict[str, str]:
    checked_name(field, name, max_length=32)
    if not isinstance(value, str) or len(value) > 2048 or not is_unicode(value):  # noqa: PLR2004  # the API's limit
        raise InvalidInputError(f"{field}[{name}]", "text of up to 2048 characters")
    return {"Name": name, "Value": value}


def _checked_secret(field: str, value: Any, max_length: int) -> str:
    text = plain_text(value)
    if text and not text.isspace() and len(text) <= max_length and is_unicode(text):
        return text
    raise InvalidInputError(field, f"1 to {max_length} characters that are not all spaces")


def _checked_whole(field: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise InvalidInputError(field, f"a whole number from {least} to {most}")


def _is_visible(value: str) -> bool:
    return all(unicodedata.category(character)[0] in "LMSNP" for character in value)
