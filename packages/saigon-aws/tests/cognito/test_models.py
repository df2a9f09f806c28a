from datetime import UTC, datetime
from typing import Any

import pytest
from boto3.session import Session
from pydantic import SecretStr

from saigon.aws.cognito import AuthTokens, IamCredentials
from saigon.aws.cognito.exceptions import InvalidInputError


def test_tokens_are_masked() -> None:
    tokens = AuthTokens(
        id_token=SecretStr("id-s3cret"),
        access_token=SecretStr("access-s3cret"),
        refresh_token=SecretStr("refresh-s3cret"),
        expires_at=datetime(2030, 1, 1, tzinfo=UTC),
        username="ada",
        sub="5f1c",
    )

    assert "s3cret" not in repr(tokens) + str(tokens) + tokens.model_dump_json()


def test_credentials_are_masked_until_boto3_gets_them() -> None:
    credentials = IamCredentials(
        access_key_id="ASIAEXAMPLE",
        secret_access_key=SecretStr("s3cret"),
        session_token=SecretStr("s3cret-token"),
        expiration=datetime(2030, 1, 1, tzinfo=UTC),
        identity_id="eu-west-1:5f1c",
    )

    assert "s3cret" not in repr(credentials) + str(credentials) + credentials.model_dump_json()
    given = Session(**credentials.to_boto3_kwargs()).get_credentials()  # type: ignore[arg-type]  # all text
    assert given is not None
    assert (given.access_key, given.secret_key, given.token) == (
        "ASIAEXAMPLE",
        "s3cret",
        "s3cret-token",
    )


@pytest.mark.parametrize("value", [7, None, ["s3cret"]])
def test_what_is_no_token_is_refused_without_being_shown(value: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        AuthTokens(
            id_token=value,
            access_token=SecretStr("s3cret"),
            refresh_token=SecretStr("s3cret"),
            expires_at=datetime(2030, 1, 1, tzinfo=UTC),
            username="ada",
            sub="5f1c",
        )

    assert caught.value.field == "id_token"
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None
