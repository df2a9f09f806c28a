"""Who logs in: names and passwords of any characters, providers, and no secret in any text."""

import asyncio
import logging
import pickle
import re
import socket
import struct
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Self, TypeVar

import pytest
from pydantic import BaseModel, SecretStr
from sqlalchemy import make_url, text

from saigon.model.interface import CredentialsProvider, DbLogin
from saigon.orm.config import DbCredentials, MySQLCredentials, PostgreSQLCredentials
from saigon.orm.connection import AsyncDbConnector, DbConnector
from saigon.orm.exceptions import DbExecutionError
from tools.services import PrivateServer

ModelT = TypeVar("ModelT", bound=BaseModel)
Credentials = MySQLCredentials | PostgreSQLCredentials
NAME = "lö@:/%#?[] ж"
PASSWORD = "p@:/%#?[] üж'"
OTHER_PASSWORDS = ["'; --", "%40%s", '\\ "', "p+ss&w=rd", "пароль"]
WHO = text("SELECT CURRENT_USER")


class Vault:
    """A vault of one secret."""

    def __init__(self, **values: object) -> None:
        self._values = values

    def get_secret(self, model_type: type[ModelT], secret_name: str) -> ModelT:
        return model_type.model_validate(self._values)


class Provider:
    """A source whose answers are given one after the other, the last one for ever."""

    def __init__(self, *logins: DbLogin) -> None:
        self.logins = list(logins)
        self.asked: list[bool] = []

    def get_credentials(self, *, refresh: bool = False) -> DbLogin:
        self.asked.append(refresh)
        return self.logins.pop(0) if len(self.logins) > 1 else self.logins[0]


def login_of(name: str, password: str) -> DbLogin:
    return DbLogin(name, SecretStr(password))


@pytest.fixture
def login(private_server: PrivateServer) -> Iterator[Credentials]:
    """Give a login whose name and password formatting would break."""
    url = make_url(private_server.new_database())
    set_password(private_server, NAME, PASSWORD)
    kind = PostgreSQLCredentials if url.get_backend_name() == "postgresql" else MySQLCredentials
    yield kind(
        host=url.host or "",
        port=url.port or 0,
        username=NAME,
        password=SecretStr(PASSWORD),
        dbname="postgres" if kind is PostgreSQLCredentials else "information_schema",
    )
    quoted = f'"{NAME}"' if kind is PostgreSQLCredentials else f"`{NAME}`@'%'"
    private_server.execute_admin(f"DROP USER {quoted}".replace(":", "\\:"))


def set_password(server: PrivateServer, name: str, password: str) -> None:
    literal = "'" + password.replace("'", "''") + "'"
    if not server.url.startswith("postgresql"):
        literal = literal.replace("\\", "\\\\")
    if server.url.startswith("postgresql"):
        role = f'"{name}"'
        known = server.execute_admin(
            f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'".replace(":", "\\:")
        )
        statement = f"{'ALTER' if known else 'CREATE'} ROLE {role} LOGIN PASSWORD {literal}"
    else:
        server.execute_admin(f"CREATE USER IF NOT EXISTS `{name}`@'%'".replace(":", "\\:"))
        statement = f"ALTER USER `{name}`@'%' IDENTIFIED BY {literal}"
    server.execute_admin(statement.replace(":", "\\:"))


def user_of(target: Any, **options: Any) -> set[str]:
    """Return who is logged in, of both kinds of connectors."""

    async def ask() -> str:
        async with AsyncDbConnector(target, **options) as db:
            return str(await db.fetch_scalar(WHO))

    with DbConnector(target, **options) as db:
        names = {str(db.fetch_scalar(WHO)), asyncio.run(ask())}
    return {name.removesuffix("@%") for name in names}


def test_any_name_and_password_log_in(login: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    values: dict[str, object] = {
        "engine": "postgres" if isinstance(login, PostgreSQLCredentials) else "mariadb",
        "host": login.host,
        "port": str(login.port),
        "username": NAME,
        "password": PASSWORD,
        "dbname": login.dbname,
    }
    for key, value in values.items():
        monkeypatch.setenv(f"ODD_{key.upper()}", str(value))
    stranger = login.model_copy(update={"username": "nobody", "password": SecretStr("nothing")})
    assert user_of(login) == {NAME}
    assert user_of(login.url()) == {NAME}
    assert user_of(login.url().render_as_string(hide_password=False)) == {NAME}
    assert user_of(DbCredentials.from_env("ODD_")) == {NAME}
    assert user_of(DbCredentials.from_secret(Vault(**values), "odd")) == {NAME}
    provider = Provider(login_of(NAME, PASSWORD))
    assert user_of(stranger, credentials_provider=provider) == {NAME}


def test_a_password_of_any_characters_logs_in_and_no_other_does(
    login: Credentials, private_server: PrivateServer
) -> None:
    for password in OTHER_PASSWORDS:
        set_password(private_server, NAME, password)
        right = login.model_copy(update={"password": SecretStr(password)})
        assert user_of(right) == {NAME}
        assert user_of(right.url().render_as_string(hide_password=False)) == {NAME}
        wrong = login.model_copy(update={"password": SecretStr(password + "x")})
        with DbConnector(wrong) as db, pytest.raises(DbExecutionError) as caught:
            db.ping()
        assert caught.value.kind == "auth"


def test_a_login_that_stays_refused_is_an_auth_error_in_the_end(
    login: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saigon.orm._engine.login.AUTH_RETRY_DELAYS", (0.0, 0.0))
    provider = Provider(login_of(NAME, "old"))
    with (
        DbConnector(login, credentials_provider=provider) as db,
        pytest.raises(DbExecutionError) as caught,
    ):
        db.ping()
    assert caught.value.kind == "auth"
    assert provider.asked == [False, True, True]


def test_a_rotation_that_alternates_users_is_not_noticed(
    login: Credentials, private_server: PrivateServer
) -> None:
    set_password(private_server, "second", "two")
    first, second = login_of(NAME, PASSWORD), login_of("second", "two")
    provider = Provider(first, second)
    with DbConnector(login, credentials_provider=provider) as db:
        with db.engine.connect():  # so that the next one is a new connection
            assert db.fetch_scalar(WHO) != NAME
        assert provider.asked == [False, False]
        set_password(private_server, "second", "three")
        provider.logins = [second, first]
        db.dispose()
        assert str(db.fetch_scalar(WHO)).removesuffix("@%") == NAME
        assert provider.asked == [False, False, False, True]


def test_an_error_of_the_provider_is_the_callers_and_costs_no_connection(
    login: Credentials,
) -> None:
    class Broken(Provider):
        def get_credentials(self, *, refresh: bool = False) -> DbLogin:
            if self.asked:
                return super().get_credentials(refresh=refresh)
            self.asked.append(refresh)
            raise LookupError("the vault is closed")

    broken = Broken(login_of(NAME, PASSWORD))
    with DbConnector(login, credentials_provider=broken, pool_size=1, max_overflow=0) as db:
        with pytest.raises(LookupError, match="the vault is closed"):
            db.ping()
        db.ping()


def test_a_provider_that_waits_does_not_hold_up_the_event_loop(login: Credentials) -> None:
    class Waiting(Provider):
        def __init__(self, *logins: DbLogin) -> None:
            super().__init__(*logins)
            self.is_asked, self.may_answer = threading.Event(), threading.Event()

        def get_credentials(self, *, refresh: bool = False) -> DbLogin:
            self.is_asked.set()
            assert self.may_answer.wait(10)
            return super().get_credentials(refresh=refresh)

    async def work() -> None:
        provider = Waiting(login_of(NAME, PASSWORD))
        async with AsyncDbConnector(login, credentials_provider=provider) as db:
            ping = asyncio.create_task(db.ping())
            await asyncio.to_thread(provider.is_asked.wait)
            provider.may_answer.set()  # by the loop, which therefore turns
            await ping

    asyncio.run(work())


def test_waiting_after_a_refused_login_does_not_hold_up_the_event_loop(
    login: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saigon.orm._engine.login.AUTH_RETRY_DELAYS", (0.5,))
    provider = Provider(login_of(NAME, "old"), login_of(NAME, PASSWORD))

    async def work() -> int:
        async with AsyncDbConnector(login, credentials_provider=provider) as db:
            ping = asyncio.create_task(db.ping())
            turns = 0
            while not ping.done():
                await asyncio.wait([ping], timeout=0.05)
                turns += provider.asked == [False]
            await ping
            return turns

    assert asyncio.run(work()) >= 5
    assert provider.asked == [False, True]


def texts_of(error: BaseException | None) -> Iterator[str]:
    """Give all that an error and those behind it tell."""
    while error is not None:
        yield from (
            repr(error),
            str(error),
            repr(vars(error)),
            "".join(traceback.format_exception(error)),
        )
        yield from (
            repr(getattr(error, name, None)) for name in ("orig", "params", "pgconn", "_pgconn")
        )
        with suppress(TypeError):  # some drivers' errors cannot be pickled
            yield pickle.dumps(error).decode("latin-1")
        error = error.__cause__ or error.__context__


def connectors(
    login: Credentials, password: str
) -> Iterator[Callable[[type[DbConnector] | type[AsyncDbConnector]], Any]]:
    wrong = login.model_copy(update={"password": SecretStr(password)})
    provider: CredentialsProvider = Provider(login_of(NAME, password))
    url = wrong.url().render_as_string(hide_password=False)
    in_query = wrong.url()._replace(username=None, password=None)
    in_query = in_query.update_query_dict({"user": NAME, "password": password})
    yield lambda kind: kind(wrong)
    yield lambda kind: kind(url)
    yield lambda kind: kind(in_query)
    yield lambda kind: kind(login, credentials_provider=provider)


@pytest.mark.parametrize("is_right", [True, False], ids=["right", "wrong"])
def test_a_secret_is_in_no_text(
    login: Credentials,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_right: bool,
) -> None:
    monkeypatch.setattr("saigon.orm._engine.login.AUTH_RETRY_DELAYS", (0.0,))
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "psycopg", "pymysql"):
        caplog.set_level(logging.DEBUG, name)
    password = PASSWORD if is_right else "hunter2-ü"
    said: list[str] = []
    kinds: list[str] = []

    def look_at(db: DbConnector | AsyncDbConnector) -> None:
        said.extend([repr(db), str(db), repr(vars(db)), repr(db.engine), repr(db.engine.url)])
        said.extend([repr(vars(db.engine.pool)), repr(vars(db.engine.dialect))])

    async def work(make: Callable[..., Any]) -> None:
        async with make(AsyncDbConnector) as db:
            try:
                await db.ping()
            except DbExecutionError as error:
                said.extend(texts_of(error))
            look_at(db)

    for make in connectors(login, password):
        with make(DbConnector) as db:
            try:
                db.ping()
                with db.engine.connect() as connection:
                    raw = connection.connection.driver_connection
                    said.extend([repr(raw), repr(getattr(raw, "__dict__", ""))])
            except DbExecutionError as error:
                kinds.append(error.kind)
                said.extend(texts_of(error))
            look_at(db)
        asyncio.run(work(make))
    assert kinds == ([] if is_right else ["auth"] * 4)
    said.append(caplog.text)
    forms = {
        password,
        password.encode().decode("latin-1"),
        repr(password)[1:-1],
        repr(password.encode())[2:-1],
    }
    found = [each for each in said if any(form in each for form in forms)]
    assert found == []


class GermanServer:
    """What a PostgreSQL of another language says to a login; no package brings a real one."""

    def __init__(self, message: str, *, asks: bool) -> None:
        self._message = message
        self._asks = asks
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client:
                    self._refuse(client)

    def _refuse(self, client: socket.socket) -> None:
        client.recv(1_000)
        if self._asks:
            client.sendall(struct.pack("!cII", b"R", 8, 3))  # AuthenticationCleartextPassword
            client.recv(1_000)
        fields = f"SFATAL\0VFATAL\0C28P01\0M{self._message}\0\0".encode()
        client.sendall(struct.pack("!cI", b"E", len(fields) + 4) + fields)


@pytest.mark.parametrize(
    ("message", "asks", "kind"),
    [
        ("Passwort-Authentifizierung für Benutzer »app« fehlgeschlagen", True, "auth"),
        ("kein pg_hba.conf-Eintrag für Host »::1«", False, "auth"),
        ("tut mir leid, schon zu viele Verbindungen", False, "connection"),
        ('database "d" does not exist', True, "connection"),
        ("password authentication failed for user", True, "auth"),
    ],
)
def test_a_refused_login_is_known_in_other_languages(message: str, asks: bool, kind: str) -> None:
    with GermanServer(message, asks=asks) as server:
        url = f"postgresql://u:p@127.0.0.1:{server.port}/d?sslmode=disable&gssencmode=disable"
        with DbConnector(url) as db, pytest.raises(DbExecutionError) as caught:
            db.ping()
    assert caught.value.kind == kind


def test_a_password_that_is_missing_is_an_auth_error(private_server: PrivateServer) -> None:
    url = make_url(private_server.new_database())._replace(password=None)
    with DbConnector(url) as db, pytest.raises(DbExecutionError) as caught:
        db.ping()
    assert caught.value.kind == "auth"
    assert re.search("auth error", str(caught.value))
