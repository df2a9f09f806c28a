import asyncio
import ssl
from typing import Any, Literal, TypeVar

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from saigon.orm._engine.mysql_socket import MysqlTls
from saigon.orm.config import (
    DbCredentials,
    MySQLCredentials,
    PostgreSQLCredentials,
    SQLiteCredentials,
)
from saigon.orm.connection import AsyncDbConnector, DbConnector
from saigon.orm.exceptions import DbConfigurationError

ModelT = TypeVar("ModelT", bound=BaseModel)
PASSWORD = "@:/%#?[] ü'"

RDS_SECRET = {
    "engine": "postgres",
    "host": "db.example",
    "port": 5433,
    "username": "app",
    "password": PASSWORD,
    "dbname": "orders",
    "dbInstanceIdentifier": "orders-1",
}


class Vault:
    def __init__(self, values: dict[str, object]) -> None:
        self._values = values

    def get_secret(self, model_type: type[ModelT], secret_name: str) -> ModelT:
        return model_type.model_validate(self._values)


@pytest.fixture
def credentials() -> PostgreSQLCredentials:
    return PostgreSQLCredentials(
        host="db.example", username="app", password=SecretStr(PASSWORD), dbname="orders"
    )


def test_a_password_of_any_characters_is_kept(credentials: PostgreSQLCredentials) -> None:
    url = credentials.url()
    assert (url.drivername, url.host, url.port) == ("postgresql+psycopg", "db.example", 5432)
    assert (url.username, url.password, url.database) == ("app", PASSWORD, "orders")


def test_the_password_is_in_no_text(credentials: PostgreSQLCredentials) -> None:
    shown = f"{credentials!r} {credentials} {credentials.model_dump_json()} {credentials.url()!r}"
    assert PASSWORD not in shown
    with pytest.raises(ValidationError) as caught:
        PostgreSQLCredentials.model_validate({"password": PASSWORD, "port": PASSWORD})
    assert PASSWORD not in str(caught.value)


def test_the_driver_is_told_about_time_and_encryption(credentials: PostgreSQLCredentials) -> None:
    assert credentials.connect_args() == {"sslmode": "prefer", "connect_timeout": 10}
    engine = DbConnector(credentials.model_copy(update={"application_name": "orders"})).engine
    assert engine.url.password is None


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("disable", {"ssl_disabled": True}),
        ("prefer", {}),
        ("require", {"ssl": {"check_hostname": False, "verify_mode": "none"}}),
        ("verify-ca", {"ssl_ca": "ca.pem", "ssl_verify_cert": True, "ssl_verify_identity": False}),
        ("verify-full", {"ssl_ca": "ca.pem", "ssl_verify_cert": True, "ssl_verify_identity": True}),
    ],
)
def test_mysql_has_the_same_words_for_encryption(mode: str, expected: dict[str, object]) -> None:
    login = MySQLCredentials.model_validate(
        {"host": "h", "username": "u", "password": "p", "dbname": "d", "ssl_mode": mode}
        | ({"ssl_root_cert": "ca.pem"} if mode.startswith("verify") else {})
    )
    times = {"connect_timeout": 10, "read_timeout": 300, "write_timeout": 60}
    assert login.connect_args() == times | expected


def test_verification_without_certificates_is_refused() -> None:
    login = MySQLCredentials.model_validate(
        {"host": "h", "username": "u", "password": "p", "dbname": "d", "ssl_mode": "verify-full"}
    )
    with pytest.raises(DbConfigurationError, match="ssl_root_cert"):
        login.connect_args()


def test_credentials_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HOST": "h", "PORT": "6000", "USERNAME": "u", "DBNAME": "d"}.items():
        monkeypatch.setenv(f"ORDERS_DB_{name}", value)
    monkeypatch.setenv("ORDERS_DB_PASSWORD", PASSWORD)
    found = PostgreSQLCredentials.from_env("ORDERS_DB_")
    assert (found.host, found.port, found.password.get_secret_value()) == ("h", 6000, PASSWORD)
    with pytest.raises(DbConfigurationError, match="engine"):
        DbCredentials.from_env("ORDERS_DB_")
    monkeypatch.setenv("ORDERS_DB_ENGINE", "mariadb")
    assert isinstance(DbCredentials.from_env("ORDERS_DB_"), MySQLCredentials)
    with pytest.raises(DbConfigurationError, match="PostgreSQLCredentials"):
        PostgreSQLCredentials.from_env("ORDERS_DB_")


def test_a_wrong_variable_is_named_and_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_ENGINE", "postgresql")
    monkeypatch.setenv("DATABASE_PORT", PASSWORD)
    with pytest.raises(DbConfigurationError) as caught:
        DbCredentials.from_env()
    assert "DATABASE_PORT" in str(caught.value)
    assert "DATABASE_HOST" in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_sqlite_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_ENGINE", "sqlite")
    monkeypatch.setenv("DATABASE_PATH", "odd ?#%.db")
    found = DbCredentials.from_env()
    assert isinstance(found, SQLiteCredentials)
    assert found.url().database == "odd ?#%.db"


def test_a_secret_of_rds_is_a_login() -> None:
    found = DbCredentials.from_secret(Vault(RDS_SECRET), "orders")
    assert isinstance(found, PostgreSQLCredentials)
    assert (found.host, found.port, found.username, found.dbname) == (
        "db.example",
        5433,
        "app",
        "orders",
    )
    assert found.password.get_secret_value() == PASSWORD


def test_what_is_given_goes_before_the_secret() -> None:
    found = DbCredentials.from_secret(Vault(RDS_SECRET), "orders", host="proxy", dbname="other")
    assert isinstance(found, PostgreSQLCredentials)
    assert (found.host, found.port, found.dbname) == ("proxy", 5433, "other")


def test_a_secret_may_say_which_server_will_do() -> None:
    secret = {**RDS_SECRET, "target_session_attrs": "prefer-standby"}
    found = DbCredentials.from_secret(Vault(secret), "orders")
    assert found.connect_args()["target_session_attrs"] == "prefer-standby"


def test_a_managed_secret_holds_only_the_login() -> None:
    vault = Vault({"username": "app", "password": PASSWORD})
    found = MySQLCredentials.from_secret(vault, "rds!x", host="h", port=3307, dbname="d")
    assert (found.host, found.port, found.dbname) == ("h", 3307, "d")
    with pytest.raises(DbConfigurationError, match="MySQLCredentials"):
        DbCredentials.from_secret(vault, "rds!x", host="h", dbname="d")
    with pytest.raises(DbConfigurationError, match=r"'rds!x'.*dbname") as caught:
        MySQLCredentials.from_secret(vault, "rds!x", host="h")
    assert PASSWORD not in str(caught.value)


def test_a_secret_may_have_our_own_names_and_others_beside_them() -> None:
    own = {"port": "5434", "ssl_mode": "verify-full", "ssl_root_cert": "ca.pem", "ssl": True}
    given = {"connect_timeout": "7", "application_name": "orders", "masterarn": "arn:x", "tags": []}
    found = DbCredentials.from_secret(Vault(RDS_SECRET | own | given), "orders")
    assert isinstance(found, PostgreSQLCredentials)
    assert found.connect_args() == {
        "sslmode": "verify-full",
        "sslrootcert": "ca.pem",
        "connect_timeout": 7,
        "application_name": "orders",
    }
    assert found.port == 5434


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": "hunter2"},
        {"port": 70_000},
        {"password": None},
        {"password": ["hunter2"]},
        {"username": {"hunter2": 1}},
        {"username": ""},
        {"host": None},
        {"host": 5},
        {"ssl_mode": "hunter2"},
        {"connect_timeout": "hunter2"},
        {"connect_timeout": 0},
    ],
    ids=str,
)
def test_a_wrong_secret_is_refused_without_its_values(wrong: dict[str, object]) -> None:
    with pytest.raises(DbConfigurationError, match="'orders'") as caught:
        DbCredentials.from_secret(Vault(RDS_SECRET | wrong), "orders")
    chain = f"{caught.value!r}{caught.value.__cause__!r}"
    assert next(iter(wrong)) in str(caught.value)
    assert "hunter2" not in chain
    assert PASSWORD not in chain


@pytest.mark.parametrize("url", ["postgresql://h/d?options=-c%20x", "mysql://h/d?sql_mode=x"])
def test_a_url_that_sets_something_for_a_session_does_not_go_with_a_proxy(url: str) -> None:
    with pytest.raises(DbConfigurationError, match="initialization query"):
        DbConnector(url, proxy="rds")


@pytest.mark.parametrize("connector", [DbConnector, AsyncDbConnector])
def test_a_connector_says_behind_which_proxy_it_is(
    connector: type[DbConnector | AsyncDbConnector],
) -> None:
    assert connector("mysql://h/d", proxy="rds").proxy == "rds"
    assert connector("mysql://h/d").proxy is None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://u:hunter2@h/d?autocommit=false", "autocommit"),
        ("mysql://u:hunter2@h/d?autocommit=1", "autocommit"),
        ("mysql://u:hunter2@h/d?init_command=SET%20x=1", "init_command"),
        ("mysql://u:hunter2@h:65536/d", "65536"),
        ("postgresql://u:hunter2@h:0/d", "port"),
    ],
)
def test_a_url_that_would_do_harm_is_refused(url: str, said: str) -> None:
    with pytest.raises(DbConfigurationError, match=said) as caught:
        DbConnector(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"pool_size": 0},
        {"max_overflow": -1},
        {"pool_timeout": -1},
        {"ping_timeout": 0},
        {"connect_timeout": 0},
        {"proxy": "haproxy"},
    ],
    ids=str,
)
def test_options_that_bound_nothing_are_refused(options: Any) -> None:
    (name,) = options
    with pytest.raises(DbConfigurationError, match=name):
        DbConnector("postgresql://u@h/d", **options)


@pytest.mark.parametrize(
    "query",
    [
        "foo=1",
        "ssl=true",
        "ssl_ca=/no/such.pem",
        "ssl_ca=/dev/null",
        "charset=bogus",
        "read_timeout=soon",
    ],
)
def test_what_mysqls_drivers_cannot_use_is_a_configuration_error(query: str) -> None:
    url = f"mysql://u:hunter2@127.0.0.1:1/d?{query}"

    async def ping() -> None:
        async with AsyncDbConnector(url) as db:
            await db.ping()

    with DbConnector(url) as db, pytest.raises(DbConfigurationError, match="options"):
        db.ping()
    with pytest.raises(DbConfigurationError, match="options"):
        asyncio.run(ping())


@pytest.mark.parametrize(
    ("query", "verifies"),
    [
        ("ssl_verify_cert=true", True),
        ("ssl_verify_identity=1", True),
        ("ssl_check_hostname=true", True),
        ("ssl_verify_cert=false", False),
        ("ssl_cipher=DEFAULT", False),
        ("", False),
    ],
)
def test_mysql_verifies_where_that_is_asked_for_without_certificates(
    query: str, *, verifies: bool
) -> None:
    engine = DbConnector(f"mysql://u@h/d?{query}").engine
    context = MysqlTls.of(engine.dialect.create_connect_args(engine.url)[1]).context
    assert context is not None
    assert (context.verify_mode is ssl.CERT_REQUIRED) == verifies
    assert context.check_hostname == verifies


@pytest.mark.parametrize(
    ("url", "proxy"),
    [("mysql://h/d", "pgbouncer"), ("sqlite://", "rds"), ("sqlite://", "pgbouncer")],
)
def test_a_database_without_such_a_proxy_is_refused(
    url: str, proxy: Literal["rds", "pgbouncer"]
) -> None:
    with pytest.raises(DbConfigurationError, match=f"behind proxy='{proxy}', got"):
        DbConnector(url, proxy=proxy)


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("aurora-postgresql", PostgreSQLCredentials),
        ("aurora-mysql", MySQLCredentials),
        ("mariadb", MySQLCredentials),
        ("postgresql", PostgreSQLCredentials),
    ],
)
def test_engines_have_several_names(engine: str, expected: type[DbCredentials]) -> None:
    found = DbCredentials.from_secret(Vault(RDS_SECRET | {"engine": engine}), "orders")
    assert type(found) is expected


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(DbConfigurationError, match="oracle"):
        DbCredentials.from_secret(Vault(RDS_SECRET | {"engine": "oracle"}), "orders")


def test_a_file_of_any_name_is_a_database(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("odd ?#%") / "ü.db"
    with DbConnector(SQLiteCredentials(path=path)) as db:
        db.ping()
    assert path.exists()
