"""The modes of TLS mean the same on both servers, and for threads and asyncio."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Row, make_url, text

from saigon.orm.config import MySQLCredentials, PostgreSQLCredentials, SslMode
from saigon.orm.connection import AsyncDbConnector, DbConnector
from saigon.orm.exceptions import DbExecutionError
from tools.services import PrivateServer

IS_ENCRYPTED = {
    "postgresql": text("SELECT '', ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"),
    "mysql": text("SHOW SESSION STATUS LIKE 'Ssl_cipher'"),
}
NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

AUTHORITY = "-CA ca.pem -CAkey ca.key -CAcreateserial"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with an authority, another one, and a certificate for localhost."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make certificates with")
    folder = tmp_path_factory.mktemp("tls")
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    for command in (
        f"req -x509 {NEW_KEY} -days 9 -subj /CN=ca -keyout ca.key -out ca.pem",
        f"req -x509 {NEW_KEY} -days 9 -subj /CN=other -keyout other.key -out other.pem",
        f"req {NEW_KEY} -subj /CN=server -keyout server.key -out server.csr",
        f"x509 -req -in server.csr {AUTHORITY} -days 9 -extfile names -out server.pem",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return folder


def with_certificate(server: PrivateServer, certificates: Path) -> PrivateServer:
    owner = (server.folder / "data").stat()
    for name in ("server.key", "server.pem"):
        copy = Path(shutil.copy(certificates / name, server.folder / "data" / name))
        os.chown(copy, owner.st_uid, owner.st_gid)
        copy.chmod(0o600)
    key, certificate = server.folder / "data" / "server.key", server.folder / "data" / "server.pem"
    server.stop()
    if server.url.startswith("postgresql"):
        server.start(ssl="on", ssl_key_file=key, ssl_cert_file=certificate)
    else:
        server.start(ssl_key=key, ssl_cert=certificate)
    return server


@pytest.fixture(params=["postgresql", "mysql"])
def tls_server(request: pytest.FixtureRequest, certificates: Path) -> PrivateServer:
    return with_certificate(request.getfixturevalue(f"private_{request.param}"), certificates)


def is_set(row: Row[Any] | None) -> bool:
    assert row is not None
    return bool(tuple(row)[1])


def connects(server: PrivateServer, mode: SslMode, host: str, root: Path | None) -> set[bool]:
    """Return whether connections for threads and asyncio are encrypted."""
    url = make_url(server.url)
    kind = PostgreSQLCredentials if server.url.startswith("postgresql") else MySQLCredentials
    target: Any = kind(
        host=host,
        port=url.port or 0,
        username=url.username or "",
        password=SecretStr(url.password or ""),
        dbname=url.database or "",
        ssl_mode=mode,
        ssl_root_cert=root,
    )

    async def ask() -> bool:
        async with AsyncDbConnector(target) as db:
            return is_set(await db.fetch_one(IS_ENCRYPTED[db.dialect_name]))

    with DbConnector(target) as db:
        return {is_set(db.fetch_one(IS_ENCRYPTED[db.dialect_name])), asyncio.run(ask())}


def refusal(server: PrivateServer, mode: SslMode, host: str, root: Path | None) -> str:
    with pytest.raises(DbExecutionError) as caught:
        connects(server, mode, host, root)
    return caught.value.kind


def test_each_mode_asks_for_what_it_says(tls_server: PrivateServer, certificates: Path) -> None:
    authority, other = certificates / "ca.pem", certificates / "other.pem"
    assert connects(tls_server, "disable", "localhost", None) == {False}
    assert connects(tls_server, "prefer", "127.0.0.1", None) == {True}
    assert connects(tls_server, "require", "127.0.0.1", None) == {True}
    assert connects(tls_server, "verify-ca", "127.0.0.1", authority) == {True}
    assert connects(tls_server, "verify-full", "localhost", authority) == {True}
    assert refusal(tls_server, "verify-full", "127.0.0.1", authority) == "connection"
    assert refusal(tls_server, "verify-full", "localhost", other) == "connection"
    assert refusal(tls_server, "verify-ca", "localhost", other) == "connection"


def test_a_url_that_asks_to_verify_is_not_content_with_any_certificate(
    private_mysql: PrivateServer, certificates: Path
) -> None:
    url = make_url(with_certificate(private_mysql, certificates).url)
    with DbConnector(url.update_query_dict({"ssl_cipher": "DEFAULT"})) as db:
        assert is_set(db.fetch_one(IS_ENCRYPTED["mysql"]))
    verifying = url.update_query_dict({"ssl_verify_cert": "true"})
    with DbConnector(verifying) as db, pytest.raises(DbExecutionError) as caught:
        db.ping()
    assert caught.value.kind == "connection"


def test_a_server_without_tls_is_preferred_to_none_and_else_refused(
    private_server: PrivateServer, certificates: Path
) -> None:
    authority = certificates / "ca.pem"
    assert connects(private_server, "prefer", "127.0.0.1", None) == {False}
    assert refusal(private_server, "require", "127.0.0.1", None) == "connection"
    assert refusal(private_server, "verify-full", "127.0.0.1", authority) == "connection"
