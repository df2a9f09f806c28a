"""Tokens of IAM go to real servers whole, and over TLS alone."""

import asyncio
import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3.session
import botocore.auth
import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from saigon.aws.rds import RdsIamCredentials
from saigon.orm.config import MySQLCredentials, PostgreSQLCredentials, SslMode
from saigon.orm.connection import AsyncDbConnector, DbConnector
from saigon.orm.exceptions import DbConfigurationError, DbExecutionError
from tools.services import PrivateServer

NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
# The server of RDS asks for the token itself, as this one does over TLS.
HBA = "hostssl all all all password\nhostnossl all all all scram-sha-256\n"
WHO = text("SELECT CURRENT_USER")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a certificate for localhost that signs itself, with its key beside it."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make certificates with")
    folder = tmp_path_factory.mktemp("tls")
    names = "-subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = f"openssl req -x509 {NEW_KEY} -days 9 {names} -keyout server.key -out server.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder / "server.pem"


@pytest.fixture(params=["postgresql", "mysql"])
def tls_server(request: pytest.FixtureRequest, certificate: Path) -> PrivateServer:
    """Give a server with that certificate."""
    server: PrivateServer = request.getfixturevalue(f"private_{request.param}")
    data = server.folder / "data"
    for file in (certificate, certificate.with_suffix(".key")):
        copy = Path(shutil.copy(file, data / file.name))
        os.chown(copy, data.stat().st_uid, data.stat().st_gid)
        copy.chmod(0o600)
    key, copied = data / "server.key", data / "server.pem"
    server.stop()
    if request.param == "mysql":
        server.start(ssl_key=key, ssl_cert=copied)
        return server
    rules = server.folder / "hba"
    rules.write_text(HBA)
    rules.chmod(0o644)
    server.start(ssl="on", ssl_key_file=key, ssl_cert_file=copied, hba_file=rules)
    return server


@pytest.fixture
def same_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the signer's clock stand still, so that all tokens are one."""
    noon = datetime(2030, 2, 3, 12)  # noqa: DTZ001  # botocore's older versions take naive UTC

    class Frozen(datetime):
        @classmethod
        def utcnow(cls) -> Any:
            return noon

    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: noon, raising=False)
    monkeypatch.setattr(botocore.auth, "datetime", SimpleNamespace(datetime=Frozen))


def provider_of(server: PrivateServer, user: str) -> RdsIamCredentials:
    """Return a provider whose tokens are as long as those of a role."""
    session = boto3.session.Session("AKIDEXAMPLE", "secret", "IQoJ/b3+=" * 120)
    return RdsIamCredentials("localhost", server.port, user, "eu-west-1", session=session)


def target_of(server: PrivateServer, mode: SslMode, root: Path | None = None) -> Any:
    is_postgresql = server.url.startswith("postgresql")
    kind = PostgreSQLCredentials if is_postgresql else MySQLCredentials
    return kind(
        host="localhost",
        port=server.port,
        username="nobody",
        password=SecretStr("nothing"),
        dbname="postgres" if is_postgresql else "information_schema",
        ssl_mode=mode,
        ssl_root_cert=root,
    )


def users(target: Any, provider: RdsIamCredentials) -> set[str]:
    """Return who is logged in, of both kinds of connectors."""

    async def ask() -> str:
        async with AsyncDbConnector(target, credentials_provider=provider) as db:
            return str(await db.fetch_scalar(WHO))

    with DbConnector(target, credentials_provider=provider) as db:
        names = {str(db.fetch_scalar(WHO)), asyncio.run(ask())}
    return {name.removesuffix("@%") for name in names}


@pytest.mark.usefixtures("same_token")
def test_a_token_reaches_the_server_whole_and_over_tls_alone(
    tls_server: PrivateServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saigon.orm._engine.login.AUTH_RETRY_DELAYS", (0.0,))
    user = make_url(tls_server.new_database()).username or ""
    provider = provider_of(tls_server, user)
    token = provider.get_credentials().password.get_secret_value()
    is_postgresql = tls_server.url.startswith("postgresql")
    role, verb = (user, "PASSWORD") if is_postgresql else (f"{user}@'%'", "IDENTIFIED BY")
    change = f"ALTER {'ROLE' if is_postgresql else 'USER'} {role} {verb}"

    def set_password(password: str) -> None:
        tls_server.execute_admin(f"{change} '{password}'".replace(":", "\\:"))

    set_password(token)
    assert len(token) > 1_500
    assert users(target_of(tls_server, "verify-full", certificate), provider) == {user}
    assert users(target_of(tls_server, "require"), provider) == {user}
    with pytest.raises(DbConfigurationError, match="TLS"):
        users(target_of(tls_server, "prefer"), provider)
    set_password(token[:-1])
    with pytest.raises(DbExecutionError) as caught:
        users(target_of(tls_server, "require"), provider)
    assert caught.value.kind == "auth"


def test_a_server_without_tls_is_not_logged_in_to(private_server: PrivateServer) -> None:
    provider = provider_of(private_server, "app")
    with pytest.raises(DbExecutionError) as caught:
        users(target_of(private_server, "require"), provider)
    assert caught.value.kind == "connection"
    with pytest.raises(DbConfigurationError, match="TLS"):
        users(target_of(private_server, "prefer"), provider)
