"""Read Cognito's answers into this package's models."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

from pydantic import SecretStr

from saigon.aws.cognito._tokens.unverified import unverified_claims
from saigon.aws.cognito.exceptions import CognitoConnectionError, InvalidInputError
from saigon.aws.cognito.models import (
    AuthChallenge,
    AuthTokens,
    CodeDelivery,
    CognitoGroup,
    CognitoUser,
    DeviceCredentials,
    IamCredentials,
    SignUpResult,
)

SRP_PARAMETERS: Final = frozenset({"SALT", "SECRET_BLOCK", "SRP_B"})
"""Parameters of the challenges that are answered by a proof."""

_P = ParamSpec("_P")
_T = TypeVar("_T")
_UNREADABLE: Final = (
    InvalidInputError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)


def reading(read: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let a reader raise one error, whatever the answer lacks or holds in another type."""

    @wraps(read)
    def careful(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return read(*args, **kwargs)
        except _UNREADABLE as error:
            name = type(error).__name__
        raise CognitoConnectionError(f"the answer cannot be read ({name})", retryable=True)

    return careful


def field_of(answer: Any, name: str) -> Any:
    """Return what an answer always holds, or say that it is none.

    Raises:
        CognitoConnectionError: It does not hold it.
    """
    if not isinstance(answer, Mapping) or answer.get(name) is None:
        raise CognitoConnectionError(f"the answer lacks {name}", retryable=True)
    return answer[name]


@reading
def user_from_answer(answer: Mapping[str, Any]) -> CognitoUser:
    """Read a user, whose attributes stand under one of two names."""
    pairs = answer.get("UserAttributes", answer.get("Attributes", ()))
    attributes = {pair["Name"]: pair.get("Value", "") for pair in pairs}
    return CognitoUser(
        username=field_of(answer, "Username"),
        sub=attributes.get("sub", ""),
        attributes=attributes,
        status=answer.get("UserStatus"),
        enabled=answer.get("Enabled"),
        created_at=_utc(answer.get("UserCreateDate")),
        modified_at=_utc(answer.get("UserLastModifiedDate")),
        mfa_methods=tuple(answer.get("UserMFASettingList", ())),
        preferred_mfa=answer.get("PreferredMfaSetting") or None,
    )


@reading
def group_from_answer(answer: Mapping[str, Any]) -> CognitoGroup:
    """Read a group."""
    return CognitoGroup(
        name=field_of(answer, "GroupName"),
        description=answer.get("Description") or None,
        role_arn=answer.get("RoleArn") or None,
        precedence=answer.get("Precedence"),
        created_at=_utc(answer.get("CreationDate")),
        modified_at=_utc(answer.get("LastModifiedDate")),
    )


def code_delivery_from_answer(answer: Mapping[str, Any]) -> CodeDelivery | None:
    """Read where a code was sent, if one was."""
    details = answer.get("CodeDeliveryDetails")
    return code_delivery(details) if details else None


@reading
def sign_up_from_answer(answer: Mapping[str, Any]) -> SignUpResult:
    """Read who has signed up."""
    return SignUpResult(
        sub=field_of(answer, "UserSub"),
        confirmed=field_of(answer, "UserConfirmed"),
        code_delivery=code_delivery_from_answer(answer),
    )


@reading
def credentials_from_answer(answer: Mapping[str, Any], identity_id: str) -> IamCredentials:
    """Read temporary credentials."""
    credentials = field_of(answer, "Credentials")
    return IamCredentials(
        access_key_id=field_of(credentials, "AccessKeyId"),
        secret_access_key=field_of(credentials, "SecretKey"),
        session_token=field_of(credentials, "SessionToken"),
        expiration=field_of(credentials, "Expiration").astimezone(UTC),
        identity_id=answer.get("IdentityId", identity_id),
    )


@reading
def code_delivery(details: Mapping[str, Any]) -> CodeDelivery:
    """Read where one code was sent."""
    return CodeDelivery(
        destination=details.get("Destination", ""),
        medium=details.get("DeliveryMedium", ""),
        attribute=details.get("AttributeName", ""),
    )


@reading
def tokens_from_result(
    result: Mapping[str, Any],
    *,
    refresh_token: str | None = None,
    device: DeviceCredentials | AuthTokens | None = None,
) -> AuthTokens:
    """Read tokens; name, id and expiry stand in the tokens, which have just come from Cognito.

    Args:
        result: An AuthenticationResult.
        refresh_token: The one to keep where no new one came.
        device: What holds the device's keys to keep where no new ones came.
    """
    access = unverified_claims(result.get("AccessToken", ""))
    identity = unverified_claims(result.get("IdToken", ""))
    refresh = result.get("RefreshToken") or refresh_token
    if access is None or identity is None or not refresh:
        _not_understood()
    new_device = result.get("NewDeviceMetadata") or {}
    # A group key means that the device is new; it stays so until it is confirmed.
    group_key = device.device_group_key if isinstance(device, AuthTokens) else None
    return AuthTokens(
        id_token=SecretStr(result["IdToken"]),
        access_token=SecretStr(result["AccessToken"]),
        refresh_token=SecretStr(refresh),
        expires_at=datetime.fromtimestamp(min(access["exp"], identity["exp"]), tz=UTC),
        username=access.get("username", access["sub"]),
        sub=access["sub"],
        device_key=new_device.get("DeviceKey") or getattr(device, "device_key", None),
        device_group_key=new_device.get("DeviceGroupKey") or group_key,
    )


@reading
def challenge_from_answer(
    answer: Mapping[str, Any], *, username: str, by_admin: bool, device: DeviceCredentials | None
) -> AuthChallenge:
    """Read a challenge; it is answered under the real name, where Cognito tells it.

    The values of SRP are left out: what is handed out, and may be logged, does not hold them.
    """
    name = answer.get("ChallengeName")
    if not name:
        _not_understood()
    parameters = answer.get("ChallengeParameters") or {}
    session = answer.get("Session")
    return AuthChallenge(
        name=name,
        username=parameters.get("USERNAME") or parameters.get("USER_ID_FOR_SRP") or username,
        session=SecretStr(session) if session else None,
        parameters={k: _text(v) for k, v in parameters.items() if k not in SRP_PARAMETERS},
        by_admin=by_admin,
        device=device,
    )


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _not_understood() -> NoReturn:
    raise CognitoConnectionError(
        "Cognito's answer holds neither tokens nor a challenge", retryable=True
    )
