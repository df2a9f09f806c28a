"""Logins for databases."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3.session
import pytest
from botocore.credentials import DeferredRefreshableCredentials
from botocore.exceptions import ClientError
from botocore.session import Session as BotocoreSession

from saigon.aws.rds import RdsError, RdsIamCredentials, SecretCredentials
from saigon.aws.secrets import AwsSecretVault, SecretDecodeError
from saigon.aws.testing import LocalAws
from saigon.model.interface import CredentialsProvider

HOST = "db.example.eu-west-1.rds.amazonaws.com"


class PlainVault:
    """A vault that cannot refresh."""

    def get_secret(self, model_type: Any, secret_name: str) -> Any:
        return model_type.model_validate({"user": secret_name, "password": "p"})


class TestSecretCredentials:
    def test_the_login_is_the_secrets(self, aws: LocalAws) -> None:
        client = aws.client("secretsmanager")
        name = aws.create_secret({"username": "u", "password": "first", "engine": "postgres"})
        provider = SecretCredentials(AwsSecretVault(client), name)
        login = provider.get_credentials()
        assert (login.username, login.password.get_secret_value()) == ("u", "first")
        assert isinstance(provider, CredentialsProvider)

    def test_a_refresh_sees_the_rotated_password(self, aws: LocalAws) -> None:
        client = aws.client("secretsmanager")
        name = aws.create_secret({"username": "u", "password": "first"})
        provider = SecretCredentials(AwsSecretVault(client), name)
        provider.get_credentials()
        client.put_secret_value(
            SecretId=name, SecretString='{"username": "u", "password": "second"}'
        )
        assert provider.get_credentials().password.get_secret_value() == "first"
        assert provider.get_credentials(refresh=True).password.get_secret_value() == "second"
        assert provider.get_credentials().password.get_secret_value() == "second"

    def test_a_vault_that_cannot_refresh_is_just_asked(self) -> None:
        login = SecretCredentials(PlainVault(), "db").get_credentials(refresh=True)
        assert login.username == "db"

    def test_a_secret_without_a_login_is_told(self, aws: LocalAws) -> None:
        vault = AwsSecretVault(aws.client("secretsmanager"))
        name = aws.create_secret({"username": "u"})
        with pytest.raises(SecretDecodeError, match="password: missing"):
            SecretCredentials(vault, name).get_credentials()

    def test_an_empty_name_is_refused(self) -> None:
        with pytest.raises(ValueError, match="expected"):
            SecretCredentials(PlainVault(), "")


class TestRdsIamCredentials:
    def test_a_token_is_signed_for_user_host_and_port(self) -> None:
        session = boto3.session.Session("AKIDEXAMPLE", "secret")
        provider = RdsIamCredentials(HOST, 5432, "app", "eu-west-1", session=session)
        login = provider.get_credentials()
        token = urlsplit("//" + login.password.get_secret_value())
        query = parse_qs(token.query)
        assert login.username == "app"
        assert token.netloc == f"{HOST}:5432"
        assert (query["Action"], query["DBUser"]) == (["connect"], ["app"])
        assert "/eu-west-1/rds-db/aws4_request" in query["X-Amz-Credential"][0]
        assert query["X-Amz-Signature"][0] not in repr(login)
        assert isinstance(provider, CredentialsProvider)

    def test_no_aws_credentials_are_an_error_of_ours(self) -> None:
        nobody = BotocoreSession()
        nobody.get_component("credential_provider").providers.clear()
        session = boto3.session.Session(botocore_session=nobody)
        with pytest.raises(RdsError, match="NoCredentialsError"):
            RdsIamCredentials(HOST, 5432, "app", "eu-west-1", session=session).get_credentials()

    def test_a_role_that_is_refused_is_an_error_of_ours(self) -> None:
        def refuse() -> dict[str, str]:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole")

        base = BotocoreSession()
        base._credentials = DeferredRefreshableCredentials(refuse, "test")  # type: ignore[attr-defined]  # there is no public setter for these
        session = boto3.session.Session(botocore_session=base)
        with pytest.raises(RdsError, match="ClientError"):
            RdsIamCredentials(HOST, 5432, "app", "eu-west-1", session=session).get_credentials()

    @pytest.mark.parametrize(
        "arguments",
        [("", 1, "u", "r"), ("h", 0, "u", "r"), ("h", 65_536, "u", "r"), ("h", 1, "", "r")],
    )
    def test_an_incomplete_address_is_refused(self, arguments: tuple[str, int, str, str]) -> None:
        with pytest.raises(ValueError, match="expected"):
            RdsIamCredentials(*arguments)
