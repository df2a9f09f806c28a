"""Devices that a pool remembers, which then stand for the second factor."""

from typing import Final

from pydantic import SecretStr

from saigon.aws.cognito._calls.checks import (
    checked_device,
    checked_device_key,
    checked_flag,
    checked_text,
)
from saigon.aws.cognito._calls.token_arguments import access_token_of
from saigon.aws.cognito._calls.user_pool import UserPoolBase
from saigon.aws.cognito._sign_in.srp import new_device_verifier
from saigon.aws.cognito.exceptions import (
    DeviceRefusedError,
    InvalidInputError,
    TokenVerificationError,
)
from saigon.aws.cognito.models import AccessTokenLike, AuthTokens, DeviceCredentials

_STATUSES: Final = {True: "remembered", False: "not_remembered"}


class DeviceTracking(UserPoolBase):
    """Make devices known to the pool, and forgotten."""

    def confirm_device(
        self, tokens: AuthTokens, *, device_name: str | None = None
    ) -> DeviceCredentials:
        """Make the new device of a sign-in known to the pool, under a random password of its own.

        Give the credentials to later sign-ins as ``device``. Without this the pool does not track
        the device. It is sent once: where the answer is lost, sign in anew.

        Args:
            tokens: Of a sign-in without ``device``, to a pool that tracks devices.
            device_name: What the user calls it.

        Raises:
            InvalidInputError: The tokens are of no new device, or the pool tracks none.
            TokenVerificationError: Cognito does not accept the access token.
        """
        access_token = access_token_of(tokens)
        key = getattr(tokens, "device_key", None)
        group_key = getattr(tokens, "device_group_key", None)
        if key is None or group_key is None:
            raise InvalidInputError("tokens", "tokens of a new device, where the pool tracks them")
        verifier = new_device_verifier(device_group_key=group_key, device_key=key)
        answer = self._api.call(
            "ConfirmDevice",
            once=True,
            refused=TokenVerificationError,
            AccessToken=access_token,
            DeviceKey=key,
            DeviceSecretVerifierConfig=dict(verifier.config),
            DeviceName=checked_text("device_name", device_name, max_length=1024),
        )
        return DeviceCredentials(
            device_key=key,
            device_group_key=group_key,
            password=SecretStr(verifier.password),
            user_confirmation_necessary=bool(answer.get("UserConfirmationNecessary")),
        )

    def update_device_status(
        self, tokens: AccessTokenLike, device: DeviceCredentials, *, remembered: bool
    ) -> None:
        """Say whether the user wants the device to be remembered, where the pool leaves it to them.

        Args:
            tokens: The user's tokens, or the access token alone.
            device: What ``confirm_device`` returned.
            remembered: Whether the device stands for the second factor.

        Raises:
            DeviceRefusedError: The pool does not know the device.
            TokenVerificationError: Cognito does not accept the access token.
        """
        self._api.call(
            "UpdateDeviceStatus",
            refused=TokenVerificationError,
            not_found=DeviceRefusedError,
            AccessToken=access_token_of(tokens),
            DeviceKey=checked_device(device).device_key,
            DeviceRememberedStatus=_STATUSES[checked_flag("remembered", remembered)],
        )

    def forget_device(self, tokens: AccessTokenLike, device: DeviceCredentials | str) -> None:
        """Make the pool forget a device: from now on it stands for no second factor.

        Args:
            tokens: The user's tokens, or the access token alone.
            device: What ``confirm_device`` returned, or the device's key.

        Raises:
            DeviceRefusedError: The pool does not know the device.
            TokenVerificationError: Cognito does not accept the access token.
        """
        self._api.call(
            "ForgetDevice",
            refused=TokenVerificationError,
            not_found=DeviceRefusedError,
            already_done="Device does not exist",
            AccessToken=access_token_of(tokens),
            DeviceKey=checked_device_key(device),
        )
