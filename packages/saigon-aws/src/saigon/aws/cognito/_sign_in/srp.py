"""The arithmetic of a sign-in by SRP: the password is proved, and never sent.

The numbers are pycognito's; the requests are ours.

See Also:
    https://www.rfc-editor.org/rfc/rfc5054, and
    https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-authentication-flow.html
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from saigon.aws.cognito.exceptions import CognitoError
from saigon.aws.exceptions import MissingExtraError


@dataclass(frozen=True, slots=True)
class _Challenge:
    user_id: str
    salt: str
    server_value: int
    secret_block: bytes


class SrpProof:
    """One attempt: a random public value to send, and the answer to what comes back."""

    def __init__(self, *, user_pool_id: str, client_id: str, password: str) -> None:
        try:
            from pycognito.aws_srp import AWSSRP, long_to_hex
        except ModuleNotFoundError as error:
            raise MissingExtraError("cognito", error.name) from error

        self._pool_name = user_pool_id.partition("_")[2]
        self._password = password
        # A client is handed in because it would make one otherwise; it is never called.
        self._numbers: Any = AWSSRP("", password, user_pool_id, client_id, client=object())
        self.public_value: str = long_to_hex(self._numbers.large_a_value)

    def answer(self, parameters: Mapping[str, str], *, now: datetime) -> dict[str, str]:
        """Return the responses to a PASSWORD_VERIFIER challenge.

        Args:
            parameters: The challenge's own.
            now: Aware, in UTC; it is part of what is proved.

        Raises:
            CognitoError: The challenge lacks a value, or its public value is one that gives the
                password away to whoever sent it.
        """
        challenge = _read(parameters)
        if challenge is None or challenge.server_value % self._numbers.big_n == 0:
            # RFC 5054, 2.5.3: the client must abort where B % N is 0.
            raise CognitoError("the PASSWORD_VERIFIER challenge is not a valid one")
        timestamp = self._numbers.get_cognito_formatted_timestamp(now)
        key = self._numbers.get_password_authentication_key(
            challenge.user_id, self._password, challenge.server_value, challenge.salt
        )
        pool_and_user = (self._pool_name + challenge.user_id).encode()
        proved = pool_and_user + challenge.secret_block + timestamp.encode()
        return {
            "PASSWORD_CLAIM_SECRET_BLOCK": parameters["SECRET_BLOCK"],
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(
                hmac.digest(key, proved, hashlib.sha256)
            ).decode(),
            "TIMESTAMP": timestamp,
        }


def _read(parameters: Mapping[str, str]) -> _Challenge | None:
    try:
        return _Challenge(
            user_id=parameters["USER_ID_FOR_SRP"],
            salt=f"{int(parameters['SALT'], 16):x}",
            server_value=int(parameters["SRP_B"], 16),
            secret_block=base64.b64decode(parameters["SECRET_BLOCK"]),
        )
    except (KeyError, ValueError):
        return None
