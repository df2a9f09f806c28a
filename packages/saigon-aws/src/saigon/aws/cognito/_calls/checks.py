"""Refuse bad input before any request; the errors name the argument and the rule, never the value.

The lengths and characters are those of the API reference.

See Also:
    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminCreateUser.html
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from pydantic import SecretStr

from saigon.aws.cognito._tokens.unverified import unverified_claims
from saigon.aws.cognito.exceptions import InvalidInputError
from saigon.aws.cognito.models import DeviceCredentials, MfaMethod

_TOKEN: Final = re.compile(r"[A-Za-z0-9_=.-]+", re.ASCII)
_ROLE: Final = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]{1,600}", re.ASCII)
_PAGE_TOKEN: Final = re.compile(r"\S{1,20000}", re.ASCII)
_IDENTITY: Final = re.compile(r"[\w-]{1,20}:[0-9a-f-]{1,36}", re.ASCII)
_TOTP: Final = re.compile(r"[0-9]{6}", re.ASCII)
_FILTER_NAME: Final = re.compile(r"[a-z_:]+", re.ASCII)
_MAX_TOKEN_LENGTH: Final = 20_000
_MAX_PAGE: Final = 60
_FACTORS: Final[Mapping[str, tuple[MfaMethod, str]]] = {
    "software_token": ("SOFTWARE_TOKEN_MFA", "SoftwareTokenMfaSettings"),
    "sms": ("SMS_MFA", "SMSMfaSettings"),
    "email": ("EMAIL_OTP", "EmailMfaSettings"),
}


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
    if isinstance(value, str) and 1 <= len(value) <= max_length and _is_unicode(value):
        return value
    raise InvalidInputError(field, f"text of 1 to {max_length} characters")


def checked_precedence(field: str, value: Any) -> int | None:
    """Return the rank of a group, or None where there is none."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise InvalidInputError(field, "a whole number from 0")


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


def access_token_of(tokens: Any) -> str:
    """Return the text of the access token, out of the tokens or given alone."""
    if hasattr(tokens, "access_token"):
        return _checked_token("tokens", tokens.access_token)
    token = plain_text(tokens)
    if (unverified_claims(token) or {}).get("token_use") == "access":
        return _checked_token("tokens", token)
    raise InvalidInputError("tokens", "tokens as Cognito gave them, or an access token")


def refresh_token_of(tokens: Any) -> str:
    """Return the text of the refresh token."""
    return _checked_token("tokens", getattr(tokens, "refresh_token", None))


def checked_attributes(field: str, values: Any) -> list[dict[str, str]]:
    """Return attributes in the API's own form."""
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


def mfa_settings(*, preferred: MfaMethod | None, **in_use: bool | None) -> dict[str, Any]:
    """Return the settings of second factors in the API's own form; what is not said is left out.

    See Also:
        https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_SetUserMFAPreference.html
    """
    if preferred is not None and preferred not in get_args(MfaMethod):
        raise InvalidInputError("preferred", f"one of {', '.join(get_args(MfaMethod))}")
    settings = {}
    for field, (method, name) in _FACTORS.items():
        enabled = in_use[field]
        if enabled is not None and not isinstance(enabled, bool):
            raise InvalidInputError(field, "true, false or nothing")
        if method == preferred:
            if enabled is False:
                raise InvalidInputError("preferred", "a factor that is not turned off")
            settings[name] = {"Enabled": True, "PreferredMfa": True}
        elif enabled is not None:
            settings[name] = {"Enabled": enabled}
    if not settings:
        raise InvalidInputError("preferred", "a choice of at least one second factor")
    return settings


def checked_page_size(field: str, value: Any) -> int:
    """Return how many entries a page holds."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_PAGE:
        return value
    raise InvalidInputError(field, f"a whole number from 1 to {_MAX_PAGE}")


def checked_page_token(field: str, value: Any) -> str | None:
    """Return the token of a page, or None for the first one."""
    if value is None or (isinstance(value, str) and _PAGE_TOKEN.fullmatch(value)):
        return value
    raise InvalidInputError(field, "the pagination_token of a page")


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


def _checked_names(field: str, values: Any, *, max_length: int) -> list[str]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidInputError(field, "a sequence of names")
    checked = (checked_name(field, value, max_length=max_length) for value in values)
    return list(dict.fromkeys(checked))


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


def _checked_token(field: str, value: Any) -> str:
    text = plain_text(value)
    if len(text) <= _MAX_TOKEN_LENGTH and _TOKEN.fullmatch(text):
        return text
    raise InvalidInputError(field, "tokens as Cognito gave them")


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
