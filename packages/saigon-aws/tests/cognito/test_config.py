import traceback
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from saigon.aws.cognito import CognitoClientConfig, CognitoIdpConfig
from saigon.aws.cognito.exceptions import CognitoConfigurationError, CognitoError

MakeConfig = Callable[..., CognitoIdpConfig]


def test_everything_follows_from_the_pool_and_the_client(make_config: MakeConfig) -> None:
    config = make_config()

    assert config.region == "eu-west-1"
    assert config.issuer == "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI"
    assert config.jwks_url == config.issuer + "/.well-known/jwks.json"
    assert config.endpoint_url is None
    assert (config.connect_timeout, config.read_timeout) == (5.0, 10.0)
    assert not config.refresh_token_rotation


def test_the_addresses_can_each_be_another(make_config: MakeConfig) -> None:
    config = make_config(endpoint_url="http://127.0.0.1:1", issuer="https://login.example.com")

    assert config.issuer == "https://login.example.com"
    assert config.jwks_url == "https://login.example.com/.well-known/jwks.json"
    assert make_config(jwks_url="http://127.0.0.1:2/keys").jwks_url == "http://127.0.0.1:2/keys"


def test_the_identity_pool_may_be_of_another_region(make_config: MakeConfig) -> None:
    config = CognitoClientConfig(
        user_pool_id="eu-west-1_AbCdEfGhI",
        client_id="1example23456789",
        identity_pool_id="cn-north-1:5f1c0000-0000-4000-8000-000000000000",
    )

    assert config.identity_region == "cn-north-1"
    assert config.login_provider == "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_pool_id", "s3cr3t"),
        ("user_pool_id", ""),
        ("user_pool_id", 7),
        ("user_pool_id", "eu-west-1_s3cr3t!"),
        ("user_pool_id", "eu-west-1_AbCdEfGhI\n"),
        ("client_id", "s3cr3t id"),
        ("client_id", "c" * 129),
        ("accepted_client_ids", "s3cr3t"),
        ("accepted_client_ids", [7]),
        ("accepted_client_ids", None),
        ("client_secret", ""),
        ("client_secret", SecretStr("")),
        ("endpoint_url", "s3cr3t.example.com"),
        ("jwks_url", "file:///s3cr3t"),
        ("issuer", "s3cr3t"),
        ("issuer", "https://s3cr3t@example.com"),
        ("endpoint_url", "https://ada:s3cr3t@example.com"),
        ("endpoint_url", "https://"),
        ("jwks_url", "https://ada:s3cr3t@example.com/keys"),
        ("region", "s3cr3t.example.com/#"),
        ("region", "us-east-1"),
        ("issuer", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_s3cr3t"),
        ("endpoint_url", "https://ada:s3cr3t@ex\u2100mple.com"),
        ("endpoint_url", "https://ada:x@[s3cr3t]/"),
        ("accepted_client_ids", ["s3cr3t id"]),
        ("client_secret", "s3cr3t\udc80"),
        ("client_secret", "**********"),
        ("auth_flow", "s3cr3t"),
        ("leeway", -1),
        ("jwks_lifespan", 0),
        ("read_timeout", 0),
        ("no_such_field", "s3cr3t"),
    ],
)
def test_a_mistake_is_named_by_its_field_and_never_by_its_value(
    make_config: MakeConfig, field: str, value: Any
) -> None:
    with pytest.raises(CognitoConfigurationError) as caught:
        make_config(**{"client_secret": "t0ps3cret", field: value})

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert field in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert "t0ps3cret" not in str(caught.value)
    assert caught.value.__context__ is None
    assert "ValidationError" not in shown


def test_a_copy_for_another_pool_does_not_keep_the_keys_of_this_one(
    make_config: MakeConfig,
) -> None:
    for pool in ("eu-west-1_Other", "us-east-1_Other"):
        with pytest.raises(CognitoConfigurationError, match="user pool's own"):
            make_config().model_copy(update={"user_pool_id": pool})


def test_a_missing_field_is_named() -> None:
    with pytest.raises(CognitoConfigurationError, match="client_id"):
        CognitoIdpConfig(user_pool_id="eu-west-1_AbCdEfGhI")  # type: ignore[call-arg]  # on purpose


def test_a_mistake_inside_of_another_model_tells_no_more() -> None:
    class Settings(BaseModel):
        cognito: CognitoIdpConfig

    with pytest.raises(CognitoError) as caught:
        Settings.model_validate(
            {"cognito": {"user_pool_id": "nonsense", "client_secret": "t0ps3cret"}}
        )

    assert "t0ps3cret" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_the_secret_is_masked_and_the_configuration_frozen(make_config: MakeConfig) -> None:
    config = make_config(client_secret="t0ps3cret")

    assert "t0ps3cret" not in repr(config) + str(config) + config.model_dump_json()
    with pytest.raises(CognitoConfigurationError, match="frozen") as caught:
        config.client_secret = SecretStr("t0ps3cret")  # type: ignore[misc]  # on purpose
    assert "t0ps3cret" not in repr(caught.value)
