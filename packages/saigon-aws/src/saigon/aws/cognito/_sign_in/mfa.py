"""Second factors: an authenticator app enrolled, and the factors chosen.

See Also:
    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-settings-mfa-totp.html
"""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from saigon.aws.cognito._calls.answers import field_of
from saigon.aws.cognito._calls.checks import checked_text, checked_totp
from saigon.aws.cognito._calls.forms import mfa_settings
from saigon.aws.cognito._calls.token_arguments import access_token_of
from saigon.aws.cognito._calls.user_pool import UserPoolBase
from saigon.aws.cognito.exceptions import (
    ChallengeExpiredError,
    CognitoError,
    InvalidInputError,
    MfaError,
    TokenVerificationError,
)
from saigon.aws.cognito.models import AccessTokenLike, AuthChallenge, MfaMethod, SoftwareToken


class SecondFactors(UserPoolBase):
    """Authenticator apps and preferences; codes are sent once only."""

    def associate_software_token(self, begun: AccessTokenLike | AuthChallenge) -> SoftwareToken:
        """Begin to enrol an authenticator app: return the secret that it is to hold.

        A signed-in user confirms it with ``verify_software_token``; who is asked for it at the
        sign-in, by an MFA_SETUP challenge, answers ``SoftwareToken.challenge`` with the app's code.

        Args:
            begun: The user's tokens, the access token alone, or an MFA_SETUP challenge.

        Raises:
            ChallengeExpiredError: The challenge is used up or too old.
            MfaError: The pool does not offer authenticator apps.
            TokenVerificationError: Cognito does not accept the access token.
        """
        answer = self._software_token("AssociateSoftwareToken", begun)
        return SoftwareToken(
            secret_code=SecretStr(field_of(answer, "SecretCode")),
            challenge=_continued(begun, answer) if isinstance(begun, AuthChallenge) else None,
        )

    def verify_software_token(
        self,
        tokens: AccessTokenLike,
        code: str | SecretStr,
        *,
        device_name: str | None = None,
    ) -> None:
        """Finish the enrolment of an authenticator app with a code that it shows.

        It is asked for from now on only where ``set_user_mfa_preference`` says so, or the pool.

        Args:
            tokens: The user's tokens, or the access token alone.
            code: Six digits.
            device_name: What the user calls the app's device.

        Raises:
            CodeMismatchError: The code is wrong, or the clocks are too far apart.
            TokenVerificationError: Cognito does not accept the access token.
        """
        if isinstance(tokens, AuthChallenge):
            raise InvalidInputError("tokens", "tokens; a challenge is answered instead")
        self._verify(tokens, code, device_name=device_name)

    def set_user_mfa_preference(
        self,
        tokens: AccessTokenLike,
        *,
        software_token: bool | None = None,
        sms: bool | None = None,
        email: bool | None = None,
        preferred: MfaMethod | None = None,
    ) -> None:
        """Choose the second factors of a signed-in user.

        Args:
            tokens: The user's tokens, or the access token alone.
            software_token: Whether an authenticator app is in use; as before where not said.
            sms: Whether text messages are.
            email: Whether e-mail messages are.
            preferred: The factor that a sign-in asks for, which is in use then.

        Raises:
            InvalidInputError: Nothing is chosen, or the preferred one is turned off.
            TokenVerificationError: Cognito does not accept the access token.
        """
        self._api.call(
            "SetUserMFAPreference",
            refused=TokenVerificationError,
            AccessToken=access_token_of(tokens),
            **mfa_settings(
                software_token=software_token, sms=sms, email=email, preferred=preferred
            ),
        )

    def admin_set_user_mfa_preference(
        self,
        username: str,
        *,
        software_token: bool | None = None,
        sms: bool | None = None,
        email: bool | None = None,
        preferred: MfaMethod | None = None,
    ) -> None:
        """Choose the second factors of a user, as :meth:`set_user_mfa_preference` does.

        Turning all of them off is how an administrator helps a user who has lost the device.

        Args:
            username: The user's name.
            software_token: Whether an authenticator app is in use; as before where not said.
            sms: Whether text messages are.
            email: Whether e-mail messages are.
            preferred: The factor that a sign-in asks for, which is in use then.

        Raises:
            InvalidInputError: Nothing is chosen, or the preferred one is turned off.
            UserNotFoundError: There is no such user.
        """
        self._admin(
            "AdminSetUserMFAPreference",
            username,
            **mfa_settings(
                software_token=software_token, sms=sms, email=email, preferred=preferred
            ),
        )

    def _verified_setup(self, challenge: AuthChallenge, code: str | SecretStr) -> AuthChallenge:
        """Return the MFA_SETUP challenge as it is answered after the code was right."""
        return _continued(challenge, self._verify(challenge, code, device_name=None))

    def _verify(
        self,
        begun: AccessTokenLike | AuthChallenge,
        code: str | SecretStr,
        *,
        device_name: str | None,
    ) -> dict[str, Any]:
        answer = self._software_token(
            "VerifySoftwareToken",
            begun,
            UserCode=checked_totp("code", code),
            FriendlyDeviceName=checked_text("device_name", device_name, max_length=1024),
        )
        if answer.get("Status") != "SUCCESS":
            raise MfaError(
                "VerifySoftwareToken failed: the authenticator app is not enrolled",
                operation="VerifySoftwareToken",
            )
        return answer

    def _software_token(
        self, operation: str, begun: AccessTokenLike | AuthChallenge, **parameters: Any
    ) -> dict[str, Any]:
        """Call an operation that goes by the session of a challenge, or by an access token."""
        refused: type[CognitoError]
        if isinstance(begun, AuthChallenge):
            refused, parameters["Session"] = ChallengeExpiredError, _session_of(begun)
        else:
            refused, parameters["AccessToken"] = TokenVerificationError, access_token_of(begun)
        return self._api.call(operation, once=True, refused=refused, **parameters)


def _session_of(challenge: AuthChallenge) -> str:
    if challenge.name != "MFA_SETUP" or challenge.session is None:
        raise InvalidInputError("challenge", "an MFA_SETUP challenge")
    return challenge.session.get_secret_value()


def _continued(challenge: AuthChallenge, answer: Mapping[str, Any]) -> AuthChallenge:
    """Return the challenge with the session that takes the place of the used one."""
    return challenge.model_copy(update={"session": SecretStr(field_of(answer, "Session"))})
