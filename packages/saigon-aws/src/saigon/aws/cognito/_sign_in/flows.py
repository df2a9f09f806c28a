"""Sign users in and keep them signed in."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, get_args

from pydantic import SecretStr

from saigon.aws.cognito._calls.answers import (
    challenge_from_answer,
    tokens_from_result,
    user_from_answer,
)
from saigon.aws.cognito._calls.user_pool import UserPoolBase
from saigon.aws.cognito._calls.checks import (
    access_token_of,
    checked_code,
    checked_name,
    checked_password,
    refresh_token_of,
)
from saigon.aws.cognito._sign_in.srp import SrpProof
from saigon.aws.cognito.config import AuthFlow
from saigon.aws.cognito.exceptions import (
    ChallengeRequiredError,
    InvalidCredentialsError,
    InvalidInputError,
    RefreshTokenError,
    TokenVerificationError,
)
from saigon.aws.cognito.models import AuthChallenge, AuthTokens, CognitoUser

_ANSWER_NAMES: Final[Mapping[str, str]] = {
    "CUSTOM_CHALLENGE": "ANSWER",
    "EMAIL_OTP": "EMAIL_OTP_CODE",
    "NEW_PASSWORD_REQUIRED": "NEW_PASSWORD",
    "SELECT_MFA_TYPE": "ANSWER",
    "SMS_MFA": "SMS_MFA_CODE",
    "SMS_OTP": "SMS_OTP_CODE",
    "SOFTWARE_TOKEN_MFA": "SOFTWARE_TOKEN_MFA_CODE",
}
"""The response that carries the answer itself.

https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_RespondToAuthChallenge.html
"""


class SignIn(UserPoolBase):
    """Passwords and challenges in, tokens out; each attempt is sent once only."""

    def login_user(
        self,
        username: str,
        password: str | SecretStr,
        *,
        new_password: str | SecretStr | None = None,
        auth_flow: AuthFlow | None = None,
    ) -> AuthTokens:
        """Sign a user in with a password.

        Args:
            username: The name, or an alias of it.
            password: The password, which is taken exactly as it is.
            new_password: What the password becomes where Cognito asks for a new one.
            auth_flow: Another flow than the configuration's.

        Raises:
            InvalidCredentialsError: The password is wrong or the user unknown.
            ChallengeRequiredError: Cognito asks for more; answer ``error.challenge``.
            UserNotConfirmedError: The sign-up is not confirmed.
            UserDisabledError: The user is disabled.
            PasswordResetRequiredError: The user has to reset the password.
            TooManyRequestsError: Too many attempts.
        """
        replacement = (
            None if new_password is None else checked_password("new_password", new_password)
        )
        outcome = self.initiate_auth(username, password, auth_flow=auth_flow)
        if isinstance(outcome, AuthChallenge) and replacement and _asks_for_new_password(outcome):
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
    ) -> AuthTokens | AuthChallenge:
        """Begin to sign a user in; return the tokens, or what Cognito asks for first.

        Raises:
            InvalidCredentialsError: The password is wrong or the user unknown.
            UserNotConfirmedError: The sign-up is not confirmed.
            UserDisabledError: The user is disabled.
        """
        flow = _checked_flow(auth_flow or self._config.auth_flow)
        name = checked_name("username", username)
        text = checked_password("password", password)
        if flow == "USER_SRP_AUTH":
            return self._initiate_srp(name, text)
        by_admin = flow == "ADMIN_USER_PASSWORD_AUTH"
        parameters = self._with_hash({"USERNAME": name, "PASSWORD": text}, name)
        answer = self._authenticate(
            "InitiateAuth", by_admin=by_admin, AuthFlow=flow, AuthParameters=parameters
        )
        return _outcome(answer, username=name, by_admin=by_admin)

    def respond_to_challenge(
        self,
        challenge: AuthChallenge,
        answer: str | SecretStr | None = None,
        *,
        responses: Mapping[str, str | SecretStr] | None = None,
    ) -> AuthTokens | AuthChallenge:
        """Answer a challenge; return the tokens, or the next challenge.

        Args:
            challenge: What ``initiate_auth`` or the error of ``login_user`` brought.
            answer: The code, the new password or the choice that is asked for.
            responses: Further responses under Cognito's names, such as
                ``{"userAttributes.name": "Ada"}``, or all of them for a challenge that this
                package does not know.

        Raises:
            ChallengeExpiredError: The session is used up or too old.
            CodeMismatchError: The code is wrong.
            CodeExpiredError: The code is too old.
            PasswordPolicyError: The new password is too weak.
        """
        given = _checked_responses(responses or {})
        if not isinstance(challenge, AuthChallenge):
            raise InvalidInputError("challenge", "an AuthChallenge")
        if answer is not None:
            given[_answer_name(challenge)] = checked_code("answer", answer)
        return self._respond(challenge, given)

    def refresh_tokens(self, tokens: AuthTokens) -> AuthTokens:
        """Return new ID and access tokens, with the refresh token that is good from now on.

        Raises:
            RefreshTokenError: The refresh token is expired, revoked or was used before.
        """
        refresh_token = refresh_token_of(tokens)
        if self._config.refresh_token_rotation:
            answer = self._rotate(refresh_token, tokens)
        else:
            answer = self._refresh(refresh_token, tokens)
        return tokens_from_result(
            answer.get("AuthenticationResult") or {},
            refresh_token=refresh_token,
            device_key=tokens.device_key,
        )

    def get_user(self, tokens: AuthTokens) -> CognitoUser:
        """Return the signed-in user as the user may see it: without status and dates.

        Raises:
            TokenVerificationError: Cognito does not accept the access token, as after a sign-out.
        """
        answer = self._api.call(
            "GetUser",
            refused=TokenVerificationError,
            AccessToken=access_token_of(tokens),
        )
        return user_from_answer(answer)

    def sign_out(self, tokens: AuthTokens) -> None:
        """Revoke every token of the user, on every device.

        An ID token keeps its signature until it expires: only Cognito knows of the sign-out.

        Raises:
            TokenVerificationError: Cognito does not accept the access token.
        """
        self._api.call(
            "GlobalSignOut",
            refused=TokenVerificationError,
            AccessToken=access_token_of(tokens),
        )

    def revoke_token(self, tokens: AuthTokens) -> None:
        """Revoke the refresh token, and the access tokens that came of it."""
        self._api.call(
            "RevokeToken",
            Token=refresh_token_of(tokens),
            ClientId=self._config.client_id,
            ClientSecret=self._client_secret(),
        )

    def _initiate_srp(self, username: str, password: str) -> AuthTokens | AuthChallenge:
        proof = SrpProof(
            user_pool_id=self._config.user_pool_id,
            client_id=self._config.client_id,
            password=password,
        )
        parameters = {"USERNAME": username, "SRP_A": proof.public_value}
        answer = self._authenticate(
            "InitiateAuth",
            by_admin=False,
            AuthFlow="USER_SRP_AUTH",
            AuthParameters=self._with_hash(parameters, username),
        )
        outcome = _outcome(answer, username=username, by_admin=False)
        if isinstance(outcome, AuthTokens) or outcome.name != "PASSWORD_VERIFIER":
            return outcome
        return self._respond(outcome, proof.answer(outcome.parameters, now=datetime.now(UTC)))

    def _respond(
        self, challenge: AuthChallenge, responses: Mapping[str, str]
    ) -> AuthTokens | AuthChallenge:
        session = challenge.session
        given = self._with_hash({"USERNAME": challenge.username, **responses}, challenge.username)
        answer = self._authenticate(
            "RespondToAuthChallenge",
            by_admin=challenge.by_admin,
            ChallengeName=challenge.name,
            Session=None if session is None else session.get_secret_value(),
            ChallengeResponses=given,
        )
        return _outcome(answer, username=challenge.username, by_admin=challenge.by_admin)

    def _authenticate(self, operation: str, *, by_admin: bool, **parameters: Any) -> dict[str, Any]:
        return self._api.call(
            f"Admin{operation}" if by_admin else operation,
            once=True,
            refused=InvalidCredentialsError,
            UserPoolId=self._config.user_pool_id if by_admin else None,
            ClientId=self._config.client_id,
            **parameters,
        )

    def _refresh(self, refresh_token: str, tokens: AuthTokens) -> dict[str, Any]:
        parameters = {"REFRESH_TOKEN": refresh_token}
        if tokens.device_key is not None:
            parameters["DEVICE_KEY"] = tokens.device_key
        return self._api.call(
            "InitiateAuth",
            refused=RefreshTokenError,
            ClientId=self._config.client_id,
            AuthFlow="REFRESH_TOKEN_AUTH",
            # The hash is of the real name, also where the user signed in by an alias.
            AuthParameters=self._with_hash(parameters, tokens.username),
        )

    def _rotate(self, refresh_token: str, tokens: AuthTokens) -> dict[str, Any]:
        """Exchange the refresh token; once only, because a second use of it counts as a theft."""
        return self._api.call(
            "GetTokensFromRefreshToken",
            once=True,
            refused=RefreshTokenError,
            RefreshToken=refresh_token,
            ClientId=self._config.client_id,
            ClientSecret=self._client_secret(),
            DeviceKey=tokens.device_key,
        )

    def _client_secret(self) -> str | None:
        secret = self._config.client_secret
        return None if secret is None else secret.get_secret_value()

    def _with_hash(self, parameters: Mapping[str, str], username: str) -> dict[str, str]:
        digest = self._secret_hash(username)
        return {**parameters, **({} if digest is None else {"SECRET_HASH": digest})}


def _outcome(
    answer: Mapping[str, Any], *, username: str, by_admin: bool
) -> AuthTokens | AuthChallenge:
    result = answer.get("AuthenticationResult")
    if result:
        return tokens_from_result(result)
    return challenge_from_answer(answer, username=username, by_admin=by_admin)


def _asks_for_new_password(challenge: AuthChallenge) -> bool:
    return challenge.name == "NEW_PASSWORD_REQUIRED"


def _checked_responses(responses: Any) -> dict[str, str]:
    if not isinstance(responses, Mapping):
        raise InvalidInputError("responses", "a mapping of Cognito's names to text")
    return {name: checked_code(f"responses[{name}]", each) for name, each in responses.items()}


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
