"""Passwords that formatting a URL would break really log in."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from pydantic import BaseModel, SecretStr
from sqlalchemy import make_url, text

from saigon.model.interface import DbLogin
from saigon.orm.config import DbCredentials, MySQLCredentials, PostgreSQLCredentials
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import DbExecutionError
from tools.services import Missing
from tools.services.postgresql import embedded_postgresql

ModelT = TypeVar("ModelT", bound=BaseModel)

PASSWORDS = ["@:/%#?[] ü", "'; --", "%40%s", '\\ "', "p+ss&w=rd", "пароль"]
USER = "saigon_login_test"


class Vault:
    """A vault of one secret."""

    def __init__(self, **values: object) -> None:
        self._values = values

    def get_secret(self, model_type: type[ModelT], secret_name: str) -> ModelT:
        return model_type.model_validate(self._values)


@pytest.fixture(scope="module")
def strict_postgresql_url() -> Iterator[str]:
    """Give a PostgreSQL server that asks our user for a password; the usual one trusts all."""
    with embedded_postgresql() as service:
        if isinstance(service, Missing):
            pytest.skip(service.reason)
        url = make_url(service.url)
        rules = Path(str(url.query["host"])) / "data" / "pg_hba.conf"
        rules.write_text(f"local all {USER} scram-sha-256\n{rules.read_text()}")
        with DbConnector(service.url) as db:
            db.execute(text("SELECT pg_reload_conf()"))
        yield service.url


@pytest.fixture
def postgresql_login(strict_postgresql_url: str) -> Iterator[PostgreSQLCredentials]:
    folder = str(make_url(strict_postgresql_url).query["host"])
    with DbConnector(strict_postgresql_url) as admin:
        admin.execute(text(f"CREATE ROLE {USER} LOGIN"))
        yield PostgreSQLCredentials(
            host=folder, username=USER, password=SecretStr("none"), dbname="postgres"
        )
        admin.execute(text(f"DROP ROLE {USER}"))


@pytest.fixture
def mysql_login(mysql_url: str) -> Iterator[MySQLCredentials]:
    url = make_url(mysql_url)
    with DbConnector(mysql_url) as admin:
        admin.execute(text(f"CREATE USER {USER}@'%'"))
        admin.execute(text(f"CREATE USER {USER}@'localhost'"))
        for host in ("%", "localhost"):
            admin.execute(text(f"GRANT ALL ON {url.database}.* TO {USER}@'{host}'"))
        yield MySQLCredentials(
            host=url.host or "127.0.0.1",
            port=url.port or 3306,
            username=USER,
            password=SecretStr("none"),
            dbname=url.database or "",
        )
        admin.execute(text(f"DROP USER {USER}@'%', {USER}@'localhost'"))


def set_postgresql_password(url: str, password: str) -> None:
    with DbConnector(url) as admin:
        literal = password.replace("'", "''").replace(":", "\\:")
        admin.execute(text(f"ALTER ROLE {USER} PASSWORD '{literal}'"))


def set_mysql_password(url: str, password: str) -> None:
    with DbConnector(url) as admin:
        for host in ("%", "localhost"):
            statement = f"ALTER USER {USER}@'{host}' IDENTIFIED BY :password"
            admin.execute(text(statement), {"password": password})


def logs_in(credentials: DbCredentials) -> bool:
    with DbConnector(credentials) as db:
        user = text("SELECT CURRENT_USER")
        return str(db.fetch_scalar(user)).startswith(USER)


@pytest.mark.parametrize("password", PASSWORDS)
def test_any_password_logs_in_on_postgresql(
    postgresql_login: PostgreSQLCredentials, strict_postgresql_url: str, password: str
) -> None:
    set_postgresql_password(strict_postgresql_url, password)
    login = postgresql_login.model_copy(update={"password": SecretStr(password)})
    assert logs_in(login)
    assert_by_url_and_secret(login, "postgres", password)
    assert_wrong_password_is_an_auth_error(login, password)


@pytest.mark.parametrize("password", PASSWORDS)
def test_any_password_logs_in_on_mysql(
    mysql_login: MySQLCredentials, mysql_url: str, password: str
) -> None:
    set_mysql_password(mysql_url, password)
    login = mysql_login.model_copy(update={"password": SecretStr(password)})
    assert logs_in(login)
    assert_by_url_and_secret(login, "mysql", password)
    assert_wrong_password_is_an_auth_error(login, password)


def assert_by_url_and_secret(
    login: PostgreSQLCredentials | MySQLCredentials, engine: str, password: str
) -> None:
    url = login.url()
    if login.host.startswith("/"):  # a socket's folder, which the text of a URL has in its query
        url = url.set(host="").update_query_dict({"host": login.host})
    with DbConnector(url.render_as_string(hide_password=False)) as db:
        db.ping()
    secret = Vault(
        engine=engine,
        host=login.host,
        port=login.port,
        username=login.username,
        password=password,
        dbname=login.dbname,
        dbInstanceIdentifier="orders",
    )
    assert logs_in(DbCredentials.from_secret(secret, "orders"))


def assert_wrong_password_is_an_auth_error(
    login: PostgreSQLCredentials | MySQLCredentials, password: str
) -> None:
    wrong = login.model_copy(update={"password": SecretStr(password + "x")})
    with DbConnector(wrong) as db, pytest.raises(DbExecutionError) as caught:
        db.ping()
    assert caught.value.kind == "auth"
    assert password not in f"{caught.value}{caught.value.__cause__}"


class Rotating:
    """A source of logins whose cache lags behind the database, as after a rotation."""

    def __init__(self, cached: str, current: str) -> None:
        self.cached, self.current = cached, current
        self.asked: list[bool] = []

    def get_credentials(self, *, refresh: bool = False) -> DbLogin:
        self.asked.append(refresh)
        if refresh:
            self.cached = self.current
        return DbLogin(USER, SecretStr(self.cached))


@pytest.mark.parametrize("server", ["postgresql", "mysql"])
def test_a_rotated_password_is_asked_for_again(server: str, request: pytest.FixtureRequest) -> None:
    if server == "postgresql":
        credentials = request.getfixturevalue("postgresql_login")
        set_postgresql_password(request.getfixturevalue("strict_postgresql_url"), "new")
    else:
        credentials = request.getfixturevalue("mysql_login")
        set_mysql_password(request.getfixturevalue("mysql_url"), "new")
    provider = Rotating(cached="old", current="new")
    with DbConnector(credentials, credentials_provider=provider) as db:
        db.ping()
        db.ping()
    assert provider.asked == [False, True]


def test_a_login_that_stays_refused_is_an_auth_error_in_the_end(
    mysql_login: MySQLCredentials, mysql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saigon.orm._engine.login.AUTH_RETRY_DELAYS", (0.0, 0.0))
    set_mysql_password(mysql_url, "new")
    provider = Rotating(cached="old", current="older")
    with (
        DbConnector(mysql_login, credentials_provider=provider) as db,
        pytest.raises(DbExecutionError) as caught,
    ):
        db.ping()
    assert caught.value.kind == "auth"
    assert provider.asked == [False, True, True]
