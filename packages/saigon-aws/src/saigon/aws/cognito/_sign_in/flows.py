"""Sign users in: passwords and challenges in, tokens out."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, get_args

from pydantic import SecretStr

from saigon.aws.cognito._calls.answers import challenge_from_answer, tokens_from_result
from saigon.aws.cognito._calls.checks import (
    checked_code,
    checked_device,
    checked_name,
    checked_password,
)
from saigon.aws.cognito._sign_in.mfa import SecondFactors
from saigon.aws.cognito._sign_in.srp import SrpProof, require_srp
from saigon.aws.cognito.config import AuthFlow
from saigon.aws.cognito.exceptions import (
    ChallengeRequiredError,
    CognitoError,
    DeviceRefusedError,
    InvalidCredentialsError,
    InvalidInputError,
)
from saigon.aws.cognito.models import AuthChallenge, AuthTokens, DeviceCredentials

_ANSWER_NAMES: Final[Mapping[str, str]] = {
    "EMAIL_OTP": "EMAIL_OTP_CODE",
    "NEW_PASSWORD_REQUIRED": "NEW_PASSWORD",
    "SELECT_MFA_TYPE": "ANSWER",
    "SMS_MFA": "SMS_MFA_CODE",
    "SOFTWARE_TOKEN_MFA": "SOFTWARE_TOKEN_MFA_CODE",
}
"""The response that carries the answer itself.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html
"""

_PROVED: Final = frozenset({"DEVICE_PASSWORD_VERIFIER", "PASSWORD_VERIFIER"})
_ATTRIBUTE: Final = "userAttributes."
_RESPONSE_NAME: Final = re.compile(r"[A-Z_]{1,64}", re.ASCII)
# They are given by the package itself.
_OWN_RESPONSES: Final = frozenset({"DEVICE_KEY", "SECRET_HASH", "USERNAME"})


class SignIn(SecondFactors):
    """Passwords and challenges in, tokens out; each attempt is sent once only."""

    def login_user(
        self,
        username: str,
        password: str | SecretStr,
        *,
        new_password: str | SecretStr | None = None,
        auth_flow: AuthFlow | None = None,
        device: DeviceCredentials | None = None,
    ) -> AuthTokens:
        """Sign a user in with a password.

        Args:
            username: The name, or an alias of it.
            password: The password, which is taken exactly as it is.
            new_password: What the password becomes where Cognito asks for a new one.
            auth_flow: Another flow than the configuration's.
            device: The device that ``confirm_device`` has made known to the pool.

        Raises:
            InvalidCredentialsError: The password is wrong or the user unknown.
            ChallengeRequiredError: Cognito asks for more; answer ``error.challenge``.
            DeviceRefusedError: The pool does not know the device, or its password is another.
            UserNotConfirmedError: The sign-up is not confirmed.
            UserDisabledError: The user is disabled.
            PasswordResetRequiredError: The user has to reset the password.
            TemporaryPasswordExpiredError: An administrator has to give a new one.
            TooManyRequestsError: Too many attempts.
        """
        replacement = (
            None if new_password is None else checked_password("new_password", new_password)
        )
        outcome = self.initiate_auth(username, password, auth_flow=auth_flow, device=device)
        if (
            isinstance(outcome, AuthChallenge)
            and outcome.name == "NEW_PASSWORD_REQUIRED"
            and replacement is not None
        ):
            outcome = self.respond_to_challenge(outcome, replacement)
        if isinstance(outcome, AuthChallenge):
            raise ChallengeRequiredError(outcome)
        return outcome

    def initiate_auth(
        self,
        username: str,
        password: str | SecretStr,
        *,
        auth_flow: AuthFlow | None = None,
        device: DeviceCredentials | None = None,
    ) -> AuthTokens | AuthChallenge:
        """Begin to sign a user in; return the tokens, or what Cognito asks for first.

        Proofs of passwords, the user's and the device's, are given without asking.

        Args:
            username: The name, or an alias of it.
            password: The password, which is taken exactly as it is.
            auth_flow: Another flow than the configuration's.
            device: The device that ``confirm_device`` has made known to the pool.

        Raises:
            InvalidCredentialsError: The password is wrong or the user unknown.
            DeviceRefusedError: The pool does not know the device, or its password is another.
            UserNotConfirmedError: The sign-up is not confirmed.
            UserDisabledError: The user is disabled.
        """
        flow = _checked_flow(self._config.auth_flow if auth_flow is None else auth_flow)
        name = checked_name("username", username)
        text = checked_password("password", password)
        proof = self._proof(text) if flow == "USER_SRP_AUTH" else None
        parameters = {"USERNAME": name} | (
            {"PASSWORD": text} if proof is None else {"SRP_A": proof.public_value}
        )
        if device is not None:
            parameters["DEVICE_KEY"] = checked_device(device).device_key
            require_srp()  # before the attempt counts
        by_admin = flow == "ADMIN_USER_PASSWORD_AUTH"
        answer = self._authenticate(
            "InitiateAuth",
            by_admin=by_admin,
            AuthFlow=flow,
            AuthParameters=self._with_hash(parameters, name),
        )
        return self._outcome(answer, username=name, by_admin=by_admin, device=device, proof=proof)

    def respond_to_challenge(
        self,
        challenge: AuthChallenge,
        answer: str | SecretStr | None = None,
        *,
        responses: Mapping[str, str | SecretStr] | None = None,
    ) -> AuthTokens | AuthChallenge:
        """Answer a challenge; return the tokens, or the next challenge.

        Args:
            challenge: What ``initiate_auth`` or the error of ``login_user`` brought, or, to enrol
                an authenticator app, what ``associate_software_token`` made of it.
            answer: The code, the new password or the choice that is asked for.
            responses: Further responses under Cognito's names, such as
                ``{"userAttributes.name": "Ada"}``, or all of them for a challenge that this
                package does not know.

        Raises:
            ChallengeExpiredError: The session is used up or too old.
            CodeMismatchError: The code is wrong; the challenge can be answered again.
            CodeExpiredError: The code is too old.
            PasswordPolicyError: The new password is too weak.
        """
        given = _checked_responses(responses or {})
        if not isinstance(challenge, AuthChallenge):
            raise InvalidInputError("challenge", "an AuthChallenge")
        if answer is not None and challenge.name == "MFA_SETUP":
            challenge = self._verified_setup(challenge, answer)
        elif answer is not None:
            given[_answer_name(challenge)] = checked_code("answer", answer)
        return self._respond(challenge, given)

    def _outcome(
        self,
        answer: Mapping[str, Any],
        *,
        username: str,
        by_admin: bool,
        device: DeviceCredentials | None,
        proof: SrpProof | None = None,
        answered: str = "",
    ) -> AuthTokens | AuthChallenge:
        """Read an answer, and give the proof that it asks for where it is at hand.

        Not for ever: what asks for a device's proof again after it was given is handed out.
        """
        result = answer.get("AuthenticationResult")
        if result:
            return tokens_from_result(result, device=device)
        challenge = challenge_from_answer(
            answer, username=username, by_admin=by_admin, device=device
        )
        if challenge.name in _PROVED and proof is not None:
            parameters = answer.get("ChallengeParameters") or {}
            return self._respond(challenge, proof.answer(parameters, now=datetime.now(UTC)))
        was_proved = answered.startswith("DEVICE_")
        if challenge.name == "DEVICE_SRP_AUTH" and device is not None and not was_proved:
            proof = SrpProof(
                realm=device.device_group_key,
                identity=device.device_key,
                password=device.password.get_secret_value(),
            )
            return self._respond(challenge, {"SRP_A": proof.public_value}, proof=proof)
        return challenge

    def _proof(self, password: str) -> SrpProof:
        return SrpProof(realm=self._config.user_pool_id.partition("_")[2], password=password)

    def _respond(
        self,
        challenge: AuthChallenge,
        responses: Mapping[str, str],
        *,
        proof: SrpProof | None = None,
    ) -> AuthTokens | AuthChallenge:
        session, device = challenge.session, challenge.device
        given = {"USERNAME": challenge.username, **responses}
        if device is not None:
            given["DEVICE_KEY"] = device.device_key
        answer = self._authenticate(
            "RespondToAuthChallenge",
            by_admin=challenge.by_admin,
            refused=_refusal_of(challenge),
            ChallengeName=challenge.name,
            Session=None if session is None else session.get_secret_value(),
            ChallengeResponses=self._with_hash(given, challenge.username),
        )
        return self._outcome(
            answer,
            username=challenge.username,
            by_admin=challenge.by_admin,
            device=device,
            proof=proof,
            answered=challenge.name,
        )

    def _authenticate(
        self,
        operation: str,
        *,
        by_admin: bool,
        refused: type[CognitoError] = InvalidCredentialsError,
        **parameters: Any,
    ) -> dict[str, Any]:
        return self._api.call(
            f"Admin{operation}" if by_admin else operation,
            once=True,
            refused=refused,
            UserPoolId=self._config.user_pool_id if by_admin else None,
            ClientId=self._config.client_id,
            **parameters,
        )


def _refusal_of(challenge: AuthChallenge) -> type[CognitoError]:
    """Tell what NotAuthorizedException means: the device's password is not the user's."""
    by_device = challenge.name.startswith("DEVICE_")
    return DeviceRefusedError if by_device else InvalidCredentialsError


def _checked_responses(responses: Any) -> dict[str, str]:
    if not isinstance(responses, Mapping):
        raise InvalidInputError("responses", "a mapping of Cognito's names to text")
    return {
        _response_name(name): checked_code(f"responses[{name}]", each)
        for name, each in responses.items()
    }


def _response_name(name: Any) -> str:
    # A password in the place of a name must not be told.
    if isinstance(name, str) and name.startswith(_ATTRIBUTE):
        checked_name("responses", name.removeprefix(_ATTRIBUTE), max_length=32)
        return name
    if isinstance(name, str) and _RESPONSE_NAME.fullmatch(name) and name not in _OWN_RESPONSES:
        return name
    raise InvalidInputError("responses", "names such as userAttributes.name, and not the user's")


def _answer_name(challenge: AuthChallenge) -> str:
    if challenge.name not in _ANSWER_NAMES:
        raise InvalidInputError(
            "answer", f"none for {challenge.name}: give responses under Cognito's names"
        )
    return _ANSWER_NAMES[challenge.name]


def _checked_flow(flow: Any) -> AuthFlow:
    for each in get_args(AuthFlow):
        if flow == each:
            known: AuthFlow = each
            return known
    raise InvalidInputError("auth_flow", f"one of {', '.join(get_args(AuthFlow))}")
