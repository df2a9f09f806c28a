"""Logins at which Cognito asks for more than the password."""

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from pydantic import SecretStr

from saigon.aws.cognito import AuthChallenge, CognitoClient, SoftwareToken
from saigon.aws.cognito.exceptions import ChallengeRequiredError, CodeMismatchError
from saigon.aws.testing import LocalUser
from saigon.rest.client import AuthRestClient

Who = Callable[[], Any]
TEMPORARY, CHOSEN = "T3mp!Passw0rd", SecretStr("N3w!Passw0rd")


@pytest.fixture
def challenge_of(client: AuthRestClient) -> Callable[[str, str | SecretStr], AuthChallenge]:
    """What Cognito asks for when a user logs in."""

    def log_in(username: str, password: str | SecretStr) -> AuthChallenge:
        with pytest.raises(ChallengeRequiredError) as caught:
            client.login(username, password)
        assert client.current_user is None
        return caught.value.challenge

    return log_in


def code_of(token: SoftwareToken, *, later: int = 0) -> str:
    secret = token.secret_code.get_secret_value()
    key = base64.b32decode(secret + "=" * (-len(secret) % 8), casefold=True)
    totp = TOTP(key, 6, SHA1(), 30, enforce_key_length=False)
    return totp.generate(int(time.time()) + later).decode()


def test_who_was_made_by_an_administrator_chooses_a_password(
    client: AuthRestClient, cognito: CognitoClient, challenge_of: Any, who: Who
) -> None:
    cognito.create_user("ada", TEMPORARY, temporary=True)
    challenge = challenge_of("ada", TEMPORARY)
    assert challenge.name == "NEW_PASSWORD_REQUIRED"
    identity = client.respond_to_challenge(challenge, CHOSEN)
    assert client.current_user == identity
    assert who().identity_id == identity.identity_id
    assert client.login("ada", CHOSEN) == identity


def test_an_authenticator_app_is_asked_for_its_code(
    client: AuthRestClient,
    cognito: CognitoClient,
    aws_user: LocalUser,
    challenge_of: Any,
    who: Who,
) -> None:
    tokens = cognito.login_user(aws_user.username, aws_user.password)
    token = cognito.associate_software_token(tokens)
    cognito.verify_software_token(tokens, code_of(token))
    cognito.set_user_mfa_preference(tokens, preferred="SOFTWARE_TOKEN_MFA")
    challenge = challenge_of(aws_user.username, aws_user.password)
    assert challenge.name == "SOFTWARE_TOKEN_MFA"
    assert challenge.session.get_secret_value() not in repr(challenge)
    with pytest.raises(CodeMismatchError):
        client.respond_to_challenge(challenge, code_of(token, later=3600))
    assert client.current_user is None
    identity = client.respond_to_challenge(challenge, code_of(token))
    assert who().identity_id == identity.identity_id
    assert identity.sub == aws_user.sub
