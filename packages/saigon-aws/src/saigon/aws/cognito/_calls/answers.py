"""Read Cognito's answers into this package's models."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from pydantic import SecretStr

from saigon.aws.cognito._tokens.unverified import unverified_claims
from saigon.aws.cognito.exceptions import CognitoConnectionError, CognitoError
from saigon.aws.cognito.models import (
    AuthChallenge,
    AuthTokens,
    CodeDelivery,
    CognitoGroup,
    CognitoUser,
    DeviceCredentials,
)

SRP_PARAMETERS: Final = frozenset({"SALT", "SECRET_BLOCK", "SRP_B"})
"""Parameters of the challenges that are answered by a proof."""


def field_of(answer: Mapping[str, Any], name: str) -> Any:
    """Return what an answer always holds, or say that it is none.

    Raises:
        CognitoConnectionError: It does not hold it.
    """
    if answer.get(name) is None:
        raise CognitoConnectionError(f"the answer lacks {name}", retryable=True)
    return answer[name]


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


def code_delivery(details: Mapping[str, Any]) -> CodeDelivery:
    """Read where one code was sent."""
    return CodeDelivery(
        destination=details.get("Destination", ""),
        medium=details.get("DeliveryMedium", ""),
        attribute=details.get("AttributeName", ""),
    )


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
    try:
        return AuthTokens(
            id_token=SecretStr(result["IdToken"]),
            access_token=SecretStr(result["AccessToken"]),
            refresh_token=SecretStr(refresh),
            expires_at=datetime.fromtimestamp(min(access["exp"], identity["exp"]), tz=UTC),
            username=access.get("username", access["sub"]),
            sub=access["sub"],
            device_key=new_device.get("DeviceKey") or getattr(device, "device_key", None),
            device_group_key=new_device.get("DeviceGroupKey")
            or getattr(device, "device_group_key", None),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        _not_understood()


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
    raise CognitoError("Cognito's answer holds neither tokens nor a challenge") from None
