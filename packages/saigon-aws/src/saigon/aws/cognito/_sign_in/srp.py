"""The arithmetic of a sign-in by SRP: a password is proved, and never sent.

A user's password and a device's are proved alike. The numbers are pycognito's; the requests are
ours.

See Also:
    https://www.rfc-editor.org/rfc/rfc5054, and
    https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow.html
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from saigon.aws.cognito.exceptions import CognitoError
from saigon.aws.exceptions import MissingExtraError


@dataclass(frozen=True, slots=True)
class _Challenge:
    identity: str
    salt: str = field(repr=False)
    server_value: int = field(repr=False)
    secret_block: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeviceVerifier:
    """A new password for a device, and what the pool can check a proof of it with."""

    password: str = field(repr=False)
    config: Mapping[str, str] = field(repr=False)
    """DeviceSecretVerifierConfig, as the API has it."""


class SrpProof:
    """One attempt: a random public value to send, and the answer to what comes back.

    Args:
        realm: Where the password counts: the pool's name, which is its id without the region, or a
            device's group key.
        password: The password, which is taken exactly as it is.
        identity: Whose it is, such as a device's key; whom the challenge names, if left out.
    """

    def __init__(self, *, realm: str, password: str, identity: str | None = None) -> None:
        self._realm = realm
        self._identity = identity
        self._password = password
        # A client is handed in because it would make one otherwise; it is never called.
        self._numbers: Any = _pycognito().AWSSRP("", "", "", "", client=object())
        self.public_value: str = f"{self._numbers.large_a_value:x}"

    def answer(self, parameters: Mapping[str, str], *, now: datetime) -> dict[str, str]:
        """Return the responses to a PASSWORD_VERIFIER or DEVICE_PASSWORD_VERIFIER challenge.

        Args:
            parameters: The challenge's own.
            now: Aware, in UTC; it is part of what is proved.

        Raises:
            CognitoError: The challenge lacks a value, or its public value is one that gives the
                password away to whoever sent it.
        """
        challenge = _read(parameters, self._identity)
        if challenge is None or challenge.server_value % self._numbers.big_n == 0:
            # RFC 5054, 2.5.3: the client must abort where B % N is 0.
            raise CognitoError("the PASSWORD_VERIFIER challenge is not a valid one")
        timestamp = self._numbers.get_cognito_formatted_timestamp(now)
        # Named for devices, it hashes realm, identity and password, which is right for users too.
        key = self._numbers.get_device_authentication_key(
            self._realm, challenge.identity, self._password, challenge.server_value, challenge.salt
        )
        owner = (self._realm + challenge.identity).encode()
        proved = owner + challenge.secret_block + timestamp.encode()
        return {
            "PASSWORD_CLAIM_SECRET_BLOCK": parameters["SECRET_BLOCK"],
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(
                hmac.digest(key, proved, hashlib.sha256)
            ).decode(),
            "TIMESTAMP": timestamp,
        }


def new_device_verifier(*, device_group_key: str, device_key: str) -> DeviceVerifier:
    """Return a random password for a device, with its verifier."""
    password, config = _pycognito().generate_hash_device(device_group_key, device_key)
    return DeviceVerifier(password, config)


def require_srp() -> None:
    """Raise the error of a missing extra before anything is sent, if it is missing."""
    _pycognito()


def _pycognito() -> Any:
    try:
        from pycognito import aws_srp
    except ModuleNotFoundError as error:
        raise MissingExtraError("cognito", error.name) from error
    return aws_srp


def _read(parameters: Mapping[str, str], identity: str | None) -> _Challenge | None:
    try:
        return _Challenge(
            identity=identity or parameters["USER_ID_FOR_SRP"],
            salt=f"{int(parameters['SALT'], 16):x}",
            server_value=int(parameters["SRP_B"], 16),
            secret_block=base64.b64decode(parameters["SECRET_BLOCK"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
