"""Every flow runs with DEBUG logging on; then no secret of it may be found in any log or error."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from saigon.aws.cognito import AuthTokens, CognitoClient, CognitoIdp
from saigon.aws.testing import LocalAws

PASSWORDS = ("S3cret!Password", "S3cret!Temporary", "S3cret!New", "S3cret!Wrong")


pytestmark = pytest.mark.usefixtures("redaction")


def test_no_flow_tells_a_secret(
    aws: LocalAws, witness: Any, caplog: pytest.LogCaptureFixture
) -> None:
    witness.secrets |= set(PASSWORDS)
    pool = aws.create_user_pool(with_client_secret=True)
    identities = aws.create_identity_pool(pool)
    assert pool.client_secret is not None
    witness.secrets.add(pool.client_secret.get_secret_value())
    caplog.set_level(logging.DEBUG)
    client = CognitoClient(identities.config(), session=aws.session())
    right, temporary, new, wrong = PASSWORDS

    client.create_user("ada", right, attributes={"email": "ada@example.com"})
    client.create_user("tim", temporary, temporary=True)
    client.sign_up("sue", right)
    with witness.failing():
        client.login_user("sue", right)
    client.confirm_sign_up("sue", "S3cret!Code")
    witness.secrets.add("S3cret!Code")
    with witness.failing():
        client.login_user("ada", wrong)
    with witness.failing():
        client.login_user("tim", temporary)
    witness.saw(client.login_user("tim", temporary, new_password=new))
    for flow in ("USER_PASSWORD_AUTH", "USER_SRP_AUTH", "ADMIN_USER_PASSWORD_AUTH"):
        witness.saw(client.login_user("ada", right, auth_flow=flow))
    tokens = client.login_user("ada", right)
    witness.saw(tokens)
    witness.saw(client.refresh_tokens(tokens))
    client.verify_id_token(tokens)
    client.verify_access_token(tokens)
    with witness.failing():
        client.verify_id_token(tokens.access_token)
    with witness.failing():
        client.get_iam_credentials(tokens.access_token)
    witness.saw(client.get_iam_credentials(tokens))
    session = client.boto3_session(tokens)
    credentials = session.get_credentials()
    assert credentials is not None
    frozen = credentials.get_frozen_credentials()
    witness.secrets |= {str(frozen.secret_key), str(frozen.token)}
    client.get_user(tokens)
    client.change_password(tokens, right, new)
    with witness.failing():
        client.change_password(tokens, wrong, "weak")
    client.sign_out(tokens)
    with witness.failing():
        client.get_user(tokens)
    with witness.failing():
        client.refresh_tokens(tokens)

    assert "botocore" in caplog.text, "nothing was logged, so nothing is proved"
    witness.check(caplog.text)


def test_without_the_redaction_the_log_would_tell(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("botocore.endpoint", "botocore.parsers", "botocore.auth"):
        logging.getLogger(name).filters.clear()
    caplog.set_level(logging.DEBUG)
    pool = aws.create_user_pool()

    CognitoIdp(pool.config(), session=aws.session()).create_user("ada", PASSWORDS[0])

    assert PASSWORDS[0] in caplog.text


def test_what_the_service_echoes_is_not_passed_on(
    scripted: Any,
    loopback: Any,
    signer: Any,
    witness: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    witness.secrets |= set(PASSWORDS)
    loopback.answers = [(200, signer.result())]
    idp = scripted(client_secret="S3cret!Client")
    tokens: AuthTokens = idp.login_user("ada", PASSWORDS[0])
    witness.saw(tokens)
    client_secret = "S3cret!Client"
    calls: tuple[tuple[str, Callable[[], Any]], ...] = (
        (tokens.refresh_token.get_secret_value(), lambda: idp.refresh_tokens(tokens)),
        (tokens.access_token.get_secret_value(), lambda: idp.get_user(tokens)),
        (PASSWORDS[0], lambda: idp.set_user_password("ada", PASSWORDS[0])),
        (PASSWORDS[1], lambda: idp.login_user("ada", PASSWORDS[1])),
    )
    for secret, call in calls:
        message = f"Invalid: {secret}"
        loopback.default = (400, {"__type": "InvalidParameterException", "message": message})
        with witness.failing():
            call()
    witness.secrets.add(client_secret)

    witness.check(caplog.text)
