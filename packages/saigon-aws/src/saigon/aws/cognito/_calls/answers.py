"""Read Cognito's answers into this package's models."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from pydantic import SecretStr

from saigon.aws.cognito._tokens.unverified import unverified_claims
from saigon.aws.cognito.exceptions import CognitoError
from saigon.aws.cognito.models import AuthChallenge, AuthTokens, CodeDelivery, CognitoUser


def user_from_answer(answer: Mapping[str, Any]) -> CognitoUser:
    """Read a user, whose attributes stand under one of two names."""
    pairs = answer.get("UserAttributes", answer.get("Attributes", ()))
    attributes = {pair["Name"]: pair.get("Value", "") for pair in pairs}
    return CognitoUser(
        username=answer["Username"],
        sub=attributes.get("sub", ""),
        attributes=attributes,
        status=answer.get("UserStatus"),
        enabled=answer.get("Enabled"),
        created_at=_utc(answer.get("UserCreateDate")),
        modified_at=_utc(answer.get("UserLastModifiedDate")),
        mfa_methods=tuple(answer.get("UserMFASettingList", ())),
    )


def code_delivery_from_answer(answer: Mapping[str, Any]) -> CodeDelivery | None:
    """Read where a code was sent, if one was."""
    details = answer.get("CodeDeliveryDetails")
    if not details:
        return None
    return CodeDelivery(
        destination=details.get("Destination", ""),
        medium=details.get("DeliveryMedium", ""),
        attribute=details.get("AttributeName", ""),
    )


def tokens_from_result(
    result: Mapping[str, Any], *, refresh_token: str | None = None, device_key: str | None = None
) -> AuthTokens:
    """Read tokens; name, id and expiry stand in the tokens, which have just come from Cognito.

    Args:
        result: An AuthenticationResult.
        refresh_token: The one to keep where no new one came.
        device_key: The one to keep where no new one came.
    """
    access = unverified_claims(result.get("AccessToken", ""))
    identity = unverified_claims(result.get("IdToken", ""))
    refresh = result.get("RefreshToken") or refresh_token
    if access is None or identity is None or not refresh:
        _not_understood()
    device = result.get("NewDeviceMetadata") or {}
    try:
        return AuthTokens(
            id_token=SecretStr(result["IdToken"]),
            access_token=SecretStr(result["AccessToken"]),
            refresh_token=SecretStr(refresh),
            expires_at=datetime.fromtimestamp(min(access["exp"], identity["exp"]), tz=UTC),
            username=access.get("username", access["sub"]),
            sub=access["sub"],
            device_key=device.get("DeviceKey") or device_key,
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        _not_understood()


def challenge_from_answer(
    answer: Mapping[str, Any], *, username: str, by_admin: bool
) -> AuthChallenge:
    """Read a challenge; it is answered under the real name, where Cognito tells it."""
    name = answer.get("ChallengeName")
    if not name:
        _not_understood()
    parameters = answer.get("ChallengeParameters") or {}
    session = answer.get("Session")
    return AuthChallenge(
        name=name,
        username=parameters.get("USERNAME") or parameters.get("USER_ID_FOR_SRP") or username,
        session=SecretStr(session) if session else None,
        parameters={key: _text(value) for key, value in parameters.items()},
        by_admin=by_admin,
    )


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _not_understood() -> NoReturn:
    raise CognitoError("Cognito's answer holds neither tokens nor a challenge") from None
