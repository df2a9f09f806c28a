"""Arguments in the API's own form.

See Also:
    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/Welcome.html
"""

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from saigon.aws.cognito._calls.checks import checked_flag
from saigon.aws.cognito._text import is_unicode
from saigon.aws.cognito.exceptions import InvalidInputError
from saigon.aws.cognito.models import MfaMethod

_FILTER_NAME: Final = re.compile(r"[a-z_:]+", re.ASCII)
_MAX_FILTER: Final = 256
_FACTORS: Final[Mapping[str, tuple[MfaMethod, str]]] = {
    "software_token": ("SOFTWARE_TOKEN_MFA", "SoftwareTokenMfaSettings"),
    "sms": ("SMS_MFA", "SMSMfaSettings"),
    "email": ("EMAIL_OTP", "EmailMfaSettings"),
}


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
        if enabled is not None:
            checked_flag(field, enabled)
        if method == preferred:
            if enabled is False:
                raise InvalidInputError("preferred", "a factor that is not turned off")
            settings[name] = {"Enabled": True, "PreferredMfa": True}
        elif enabled is not None:
            settings[name] = {"Enabled": enabled}
    if not settings:
        raise InvalidInputError("preferred", "a choice of at least one second factor")
    return settings


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
    field = "equals" if sign == "=" else "starts_with"
    if not isinstance(value, str) or not is_unicode(value):
        raise InvalidInputError(field, "text")
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    expression = f'{attribute} {sign} "{quoted}"'
    if len(expression) > _MAX_FILTER:
        raise InvalidInputError(field, f"text for a filter of up to {_MAX_FILTER} characters")
    return expression
