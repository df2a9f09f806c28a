import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from boto3.session import Session
from pydantic import BaseModel, PrivateAttr, SecretStr, TypeAdapter

from saigon.aws.cognito import (
    AuthChallenge,
    AuthTokens,
    CognitoIdpConfig,
    DeviceCredentials,
    IamCredentials,
    SoftwareToken,
)
from saigon.aws.cognito.exceptions import CognitoError, InvalidInputError

TOKENS = AuthTokens(
    id_token=SecretStr("id-s3cret"),
    access_token=SecretStr("access-s3cret"),
    refresh_token=SecretStr("refresh-s3cret"),
    expires_at=datetime(2030, 1, 1, tzinfo=UTC),
    username="ada",
    sub="5f1c",
    device_key="eu-west-1_5f1c",
)
DEVICE = DeviceCredentials(
    device_key="eu-west-1_5f1c", device_group_key="group", password=SecretStr("device-s3cret")
)
CHALLENGE = AuthChallenge(
    name="SOFTWARE_TOKEN_MFA",
    username="ada",
    session=SecretStr("session-s3cret-of-twenty-characters"),
    parameters={"FRIENDLY_DEVICE_NAME": "telephone"},
    device=DEVICE,
)
CREDENTIALS = IamCredentials(
    access_key_id="ASIAEXAMPLE",
    secret_access_key=SecretStr("s3cret"),
    session_token=SecretStr("s3cret-token"),
    expiration=datetime(2030, 1, 1, tzinfo=UTC),
    identity_id="eu-west-1:5f1c",
)
CONFIG = CognitoIdpConfig(
    user_pool_id="eu-west-1_AbCdEfGhI",
    client_id="1example",
    client_secret=SecretStr("s3cret"),
    accepted_client_ids=frozenset({"2example"}),
)
RECORDS: list[Any] = [
    TOKENS,
    DEVICE,
    CHALLENGE,
    CREDENTIALS,
    CONFIG,
    SoftwareToken(secret_code=SecretStr("S3CRETS3CRETS3CR-s3cret"), challenge=CHALLENGE),
]
records = pytest.mark.parametrize("record", RECORDS, ids=lambda each: type(each).__name__)


class Holder(BaseModel):
    tokens: AuthTokens


def shown(error: BaseException) -> str:
    """Return all that an error tells, and that it drags nothing along."""
    assert error.__context__ is None
    assert error.__cause__ is None
    return f"{error}{error!r}{vars(error)}{error.args}"


@records
def test_secrets_are_masked(record: Any) -> None:
    told = [repr(record), str(record), record.model_dump_json(), f"{record.model_dump()}"]
    told += [f"{vars(record)}", f"{record.model_dump(mode='json')}"]

    assert "s3cret" not in "".join(told)


@records
def test_a_record_is_stored_and_read(record: Any) -> None:
    stored = json.dumps(record.to_plain())

    assert "s3cret" in stored
    assert type(record).model_validate_json(stored) == record
    assert type(record)(**json.loads(stored)) == record
    assert pickle.loads(pickle.dumps(record)) == record


@records
def test_a_mask_is_no_secret(record: Any) -> None:
    with pytest.raises(CognitoError, match="not the mask"):
        type(record).model_validate_json(record.model_dump_json())


def test_credentials_are_masked_until_boto3_gets_them() -> None:
    given = Session(**CREDENTIALS.to_boto3_kwargs()).get_credentials()  # type: ignore[arg-type]  # all text
    assert given is not None
    assert (given.access_key, given.secret_key, given.token) == (
        "ASIAEXAMPLE",
        "s3cret",
        "s3cret-token",
    )


@pytest.mark.parametrize(
    "read",
    [
        lambda: AuthTokens(**{**TOKENS.to_plain(), "id_token": ["s3cret"]}),
        lambda: AuthTokens(**{**TOKENS.to_plain(), "refresh_token": None}),
        lambda: AuthTokens(**{**TOKENS.to_plain(), "eyJ.s3cret.x": 1}),
        lambda: AuthTokens.model_validate("s3cret"),
        lambda: AuthTokens.model_validate(["s3cret"]),
        lambda: AuthTokens.model_validate_json('{"id_token": "s3cret'),
        lambda: AuthTokens.model_validate_json('"s3cret"'),
        lambda: AuthTokens.model_validate_strings("s3cret"),
        lambda: AuthChallenge(name="X", username="ada", parameters={"s3cret": ["x"]}),  # type: ignore[dict-item]  # on purpose
        lambda: Holder(tokens="s3cret"),  # type: ignore[arg-type]  # on purpose
        lambda: Holder.model_validate({"tokens": {"id_token": ["s3cret"]}}),
        lambda: TypeAdapter(AuthTokens).validate_python("s3cret"),
        lambda: TypeAdapter(AuthTokens).validate_json('"s3cret"'),
        lambda: TypeAdapter(AuthTokens | AuthChallenge).validate_python("s3cret"),
        lambda: TOKENS.model_copy(update={"id_token": ["s3cret"]}),
        lambda: setattr(TOKENS, "refresh_token", "s3cret"),
        lambda: setattr(TOKENS, "no_such_field", "s3cret"),
    ],
    ids=range(17),
)
def test_what_is_refused_is_not_shown(read: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read()

    assert "s3cret" not in shown(caught.value)


def test_a_copy_is_checked_as_all_are() -> None:
    copy = TOKENS.model_copy(update={"refresh_token": "another-s3cret"})

    assert copy.refresh_token.get_secret_value() == "another-s3cret"
    assert "s3cret" not in repr(copy)
    assert TOKENS.model_copy() == TOKENS.model_copy(deep=True) == TOKENS
    with pytest.raises(InvalidInputError, match="no_such_field"):
        TOKENS.model_copy(update={"no_such_field": 1})


@pytest.mark.parametrize(
    ("record", "field", "value"),
    [
        (TOKENS, "expires_at", datetime(2030, 1, 1)),  # noqa: DTZ001  # that is the mistake
        (CREDENTIALS, "expiration", datetime(2030, 1, 1)),  # noqa: DTZ001  # likewise
        (TOKENS, "id_token", 7),
        (TOKENS, "refresh_token", "x\ud800"),
        (CHALLENGE, "name", ""),
        (CHALLENGE, "name", "X" * 65),
        (CHALLENGE, "name", "<b>"),
        (CHALLENGE, "username", ""),
        (CHALLENGE, "session", ""),
        (CHALLENGE, "session", "short"),
        (CHALLENGE, "session", "x" * 4097),
        (DEVICE, "device_key", ""),
        (DEVICE, "device_group_key", ""),
        (DEVICE, "password", ""),
        (DEVICE, "password", "x\udc80"),
    ],
    ids=range(15),
)
def test_what_could_not_be_used_is_refused_at_once(record: Any, field: str, value: Any) -> None:
    with pytest.raises(InvalidInputError) as caught:
        record.model_copy(update={field: value})

    assert caught.value.field == field


def test_a_model_of_ones_own_may_have_private_fields() -> None:
    class Counted(DeviceCredentials):
        _uses: int = PrivateAttr(default=0)

        def model_post_init(self, _: Any) -> None:
            self._uses = 1

    assert Counted(**DEVICE.to_plain())._uses == 1


def test_a_qr_code_is_of_text() -> None:
    token = SoftwareToken(secret_code=SecretStr("JBSWY3DPEHPK3PXP"))
    wrong: Any

    for wrong in (None, 7, b"Orders", "x\ud800"):
        with pytest.raises(InvalidInputError, match="issuer"):
            token.otpauth_uri(issuer=wrong, account="ada")
        with pytest.raises(InvalidInputError, match="account"):
            token.otpauth_uri(issuer="Orders", account=wrong)
