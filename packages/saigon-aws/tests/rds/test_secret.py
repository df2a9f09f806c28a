"""Logins out of secrets."""

import base64
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import ValidationError

from saigon.aws.rds import SecretCredentials
from saigon.aws.secrets import AwsSecretVault, SecretDecodeError, SecretNotFoundError
from saigon.aws.testing import LocalAws
from saigon.model.interface import CredentialsProvider

HIDDEN = "hunter2"
LOGIN = {"username": "app", "password": HIDDEN}


class Secrets:
    """A client of Secrets Manager with one secret, which counts what it is asked."""

    def __init__(self, value: object = LOGIN) -> None:
        self.value = value
        self.asked = 0
        self._lock = threading.Lock()

    def get_secret_value(self, **_request: object) -> dict[str, Any]:
        with self._lock:
            self.asked += 1
        match self.value:
            case bytes(raw):
                return {"SecretBinary": raw}
            case str(text):
                return {"SecretString": text}
            case value:
                return {"SecretString": json.dumps(value)}


class PlainVault:
    """A vault that cannot refresh."""

    def __init__(self, value: object = LOGIN) -> None:
        self.value = value

    def get_secret(self, model_type: Any, _secret_name: str) -> Any:
        return model_type.model_validate(self.value)


def provider_of(value: object) -> SecretCredentials:
    client: Any = Secrets(value)
    return SecretCredentials(AwsSecretVault(client), "db")


# https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
DOCUMENTED = {
    "managed": LOGIN,
    "postgres": {
        **LOGIN,
        "engine": "postgres",
        "host": "db.example",
        "port": 5432,
        "dbname": "orders",
        "dbInstanceIdentifier": "db",
    },
    "alternating": {
        **LOGIN,
        "engine": "mariadb",
        "host": "db.example",
        "port": "3306",
        "dbname": None,
        "masterarn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:root-AbCdEf",
        "dbClusterIdentifier": "cluster",
    },
    "opensearch": {"user": "app", "password": HIDDEN, "masteruser": "root"},
    "both": {"user": "other", **LOGIN},
    "binary": json.dumps(LOGIN).encode(),
}


@pytest.mark.parametrize("value", DOCUMENTED.values(), ids=DOCUMENTED)
def test_the_secrets_that_aws_writes_are_logins(value: object) -> None:
    provider = provider_of(value)
    login = provider.get_credentials()
    assert (login.username, login.password.get_secret_value()) == ("app", HIDDEN)
    assert not login.requires_tls
    assert HIDDEN not in repr(login) + repr(provider) + repr(vars(provider))
    assert isinstance(provider, CredentialsProvider)


@pytest.mark.parametrize("text", ['"; \\ \u2028 %40', "пароль", "🔑" * 300, " "])
def test_a_password_may_hold_any_characters(text: str) -> None:
    for value in ({"username": text, "password": text}, {"user": text, "password": text}):
        login = provider_of(value).get_credentials()
        assert (login.username, login.password.get_secret_value()) == (text, text)


@pytest.mark.parametrize(
    ("value", "errors"),
    [
        ({"username": HIDDEN}, ((("password",), "missing"),)),
        ({"password": HIDDEN}, ((("username",), "missing"),)),
        ({"Username": HIDDEN, "password": HIDDEN}, ((("username",), "missing"),)),
        ({"username": HIDDEN, "password": ""}, ((("password",), "too_short"),)),
        ({"username": "", "password": HIDDEN}, ((("username",), "string_too_short"),)),
        ({"username": HIDDEN, "password": None}, ((("password",), "string_type"),)),
        ({"username": None, "user": HIDDEN, "password": "x"}, ((("username",), "string_type"),)),
        ({"username": 1, "password": [HIDDEN]}, None),
        ({"username": {HIDDEN: 1}, "password": HIDDEN}, ((("username",), "string_type"),)),
        ([HIDDEN], (((), "model_type"),)),
        (f'"{HIDDEN}"', (((), "model_type"),)),
        (f"{{{HIDDEN}", (((), "json_invalid"),)),
        ("", (((), "json_invalid"),)),
        (b"\x80" + base64.b64encode(HIDDEN.encode()), (((), "json_invalid"),)),
        (b"", (((), "json_invalid"),)),
    ],
    ids=repr,
)
def test_what_is_no_login_is_told_without_its_values(
    value: object, errors: tuple[object, ...] | None
) -> None:
    with pytest.raises(SecretDecodeError) as caught:
        provider_of(value).get_credentials()
    assert list(told_by(caught.value)) == [caught.value]
    assert HIDDEN not in repr(caught.value) + repr(vars(caught.value))
    if errors is not None:
        assert caught.value.errors == errors
    assert caught.value.secret_names == ("db",)


def told_by(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def test_a_refresh_sees_the_rotated_password(aws: LocalAws) -> None:
    client = aws.client("secretsmanager")
    name = aws.create_secret({"username": "u", "password": "first"})
    provider = SecretCredentials(AwsSecretVault(client), name)
    provider.get_credentials()
    client.put_secret_value(SecretId=name, SecretString='{"username": "u2", "password": "second"}')
    before, after = provider.get_credentials(), provider.get_credentials(refresh=True)
    assert (before.username, before.password.get_secret_value()) == ("u", "first")
    assert (after.username, after.password.get_secret_value()) == ("u2", "second")
    assert provider.get_credentials() == after


def test_a_vault_that_cannot_refresh_is_just_asked() -> None:
    vault = PlainVault()
    provider = SecretCredentials(vault, "db")
    assert provider.get_credentials(refresh=True).username == "app"
    vault.value = {"user": "next", "password": HIDDEN}
    assert provider.get_credentials().username == "next"


def test_a_vault_that_only_validates_does_not_tell_the_values() -> None:
    provider = SecretCredentials(PlainVault({"username": "app", "password": [HIDDEN]}), "db")
    with pytest.raises(ValidationError) as caught:
        provider.get_credentials()
    assert HIDDEN not in str(caught.value)


@pytest.mark.parametrize("refresh", [False, True], ids=["asked", "refreshed"])
def test_an_error_of_the_vault_passes_as_it_is(aws: LocalAws, *, refresh: bool) -> None:
    vault = AwsSecretVault(aws.client("secretsmanager"))
    with pytest.raises(SecretNotFoundError) as caught:
        SecretCredentials(vault, "absent").get_credentials(refresh=refresh)
    assert caught.value.secret_names == ("absent",)


def test_threads_that_are_refused_at_once_all_see_what_is_new() -> None:
    secrets = Secrets()
    client: Any = secrets
    provider = SecretCredentials(AwsSecretVault(client), "db")
    provider.get_credentials()
    secrets.value = {"username": "app", "password": "second"}
    start = threading.Barrier(50)

    def refused() -> str:
        start.wait()
        return provider.get_credentials(refresh=True).password.get_secret_value()

    with ThreadPoolExecutor(50) as threads:
        passwords = [threads.submit(refused) for _ in range(50)]
        assert [each.result() for each in passwords] == ["second"] * 50
    assert 2 <= secrets.asked <= 51


@pytest.mark.parametrize("name", ["", None])
def test_a_name_that_cannot_be_is_refused(name: Any) -> None:
    with pytest.raises(ValueError, match="expected"):
        SecretCredentials(PlainVault(), name)
