"""Behind a proxy nothing is left in a session: read from what goes over the wire."""

import asyncio
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from saigon.orm.config import MySQLCredentials, PostgreSQLCredentials
from saigon.orm.connection import AsyncDbConnector, DbConnector, transaction_context
from saigon.orm.exceptions import DbConfigurationError, DbExecutionError
from tools.services import PrivateServer
from tools.services.forwarder import Forwarder

Credentials = MySQLCredentials | PostgreSQLCredentials
Use = Callable[..., None]

ECHO = text("SELECT CAST(:i AS CHAR(9))")
INSERT = text("INSERT INTO t VALUES (:i)")
COUNT = text("SELECT COUNT(*) FROM t")


@pytest.fixture
def postgresql_wire(postgresql_url: str) -> Iterator[Forwarder]:
    yield from recorded(postgresql_url)


@pytest.fixture
def mysql_wire(mysql_url: str) -> Iterator[Forwarder]:
    yield from recorded(mysql_url)


def recorded(url: str) -> Iterator[Forwarder]:
    with DbConnector(url) as db:
        db.execute(text("CREATE TABLE t (i INTEGER)"))
    with Forwarder.to(make_url(url).port or 0) as forwarder:
        yield forwarder


def credentials(kind: type[Credentials], url: str, wire: Forwarder) -> Credentials:
    """Return the login that goes over the wire, in plain text."""
    login = make_url(url)
    return kind(
        host="127.0.0.1",
        port=wire.port,
        username=login.username or "",
        password=SecretStr(login.password or ""),
        dbname=login.database or "",
        ssl_mode="disable",
    )


def use(target: Credentials, **options: Any) -> None:
    """Use a connector for threads in all ways that might set something."""
    with DbConnector(target, **options) as db:
        for i in range(8):  # psycopg prepares what comes more than five times
            db.fetch_scalar(ECHO, {"i": i})
        with transaction_context(db):
            db.execute(INSERT, {"i": 1})
        with transaction_context(db, read_only=True):
            assert db.fetch_scalar(COUNT) == 1
        with pytest.raises(DbExecutionError) as caught, transaction_context(db, read_only=True):
            db.execute(INSERT, {"i": 2})
        assert caught.value.kind == "read_only"
        assert list(db.reflect().tables["t"].c.keys()) == ["i"]
        with suppress(ZeroDivisionError), transaction_context(db):
            db.execute(INSERT, {"i": 2})
            raise ZeroDivisionError
        assert db.fetch_scalar(COUNT) == 1


def use_async(target: Credentials, **options: Any) -> None:
    """Do the same on an event loop."""

    async def work() -> None:
        async with AsyncDbConnector(target, **options) as db:
            for i in range(8):
                await db.fetch_scalar(ECHO, {"i": i})
            async with transaction_context(db):
                await db.execute(INSERT, {"i": 1})
            async with transaction_context(db, read_only=True):
                assert await db.fetch_scalar(COUNT) == 1
            with pytest.raises(DbExecutionError) as caught:
                async with transaction_context(db, read_only=True):
                    await db.execute(INSERT, {"i": 2})
            assert caught.value.kind == "read_only"
            assert list((await db.reflect()).tables["t"].c.keys()) == ["i"]
            with suppress(ZeroDivisionError):
                async with transaction_context(db):
                    await db.execute(INSERT, {"i": 2})
                    raise ZeroDivisionError
            assert await db.fetch_scalar(COUNT) == 1

    asyncio.run(work())


both_forms = pytest.mark.parametrize("use", [use, use_async], ids=["threads", "asyncio"])


class PostgreSQLBytes:
    """What a client has said to PostgreSQL.

    See Also:
        https://www.postgresql.org/docs/current/protocol-message-formats.html
    """

    def __init__(self, sent: bytes) -> None:
        (length,) = struct.unpack_from("!I", sent)
        words = sent[8:length].split(b"\0")
        self.options = dict(zip(words[::2], words[1::2], strict=False))
        self.prepared: list[bytes] = []
        self.statements: list[bytes] = []
        while length < len(sent):
            kind, size = struct.unpack_from("!cI", sent, length)
            self._read(kind, sent[length + 5 : length + 1 + size])
            length += 1 + size

    def _read(self, kind: bytes, body: bytes) -> None:
        if kind == b"Q":
            self.statements.append(body.rstrip(b"\0"))
        if kind == b"P":
            name, statement, _ = body.split(b"\0", 2)
            self.prepared += [name] if name else []
            self.statements.append(statement)


def mysql_commands(sent: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the commands that a client has sent, without those of the handshake.

    See Also:
        https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html
    """
    at = 0
    while at < len(sent):
        size, number = int.from_bytes(sent[at : at + 3], "little"), sent[at + 3]
        if number == 0:  # each command begins anew
            yield sent[at + 4], sent[at + 5 : at + 4 + size]
        at += 4 + size


def mysql_sets(wire: Forwarder) -> list[bytes]:
    commands = [command for link in wire.links for command in mysql_commands(bytes(link.sent))]
    assert (0x03, b"START TRANSACTION READ ONLY") in commands
    assert not any(kind == 0x16 for kind, _ in commands)  # COM_STMT_PREPARE
    return [text for kind, text in commands if kind == 0x03 and re.match(rb"\s*SET\b", text)]


@both_forms
@pytest.mark.parametrize("proxy", ["rds", "pgbouncer"])
def test_on_postgresql_nothing_is_prepared_and_nothing_set(
    postgresql_url: str,
    postgresql_wire: Forwarder,
    use: Use,
    proxy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c search_path=public")
    use(credentials(PostgreSQLCredentials, postgresql_url, postgresql_wire), proxy=proxy)
    for link in postgresql_wire.links:
        said = PostgreSQLBytes(bytes(link.sent))
        assert said.statements
        assert said.prepared == []
        assert b"options" not in said.options
        assert not [each for each in said.statements if re.match(rb"(?i)\s*SET\b", each)]
        assert not [each for each in said.statements if b"set_config" in each]


@both_forms
def test_without_a_proxy_postgresql_statements_are_prepared(
    postgresql_url: str, postgresql_wire: Forwarder, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c search_path=public")
    use(credentials(PostgreSQLCredentials, postgresql_url, postgresql_wire))
    said = PostgreSQLBytes(bytes(postgresql_wire.links[0].sent))
    assert said.prepared
    assert said.options[b"options"] == b"-c search_path=public"


@both_forms
def test_on_mysql_nothing_is_set(mysql_url: str, mysql_wire: Forwarder, use: Use) -> None:
    use(credentials(MySQLCredentials, mysql_url, mysql_wire), proxy="rds")
    assert mysql_sets(mysql_wire) == []


@both_forms
def test_without_a_proxy_mysql_sessions_are_set(
    mysql_url: str, mysql_wire: Forwarder, use: Use
) -> None:
    use(credentials(MySQLCredentials, mysql_url, mysql_wire))
    assert len(mysql_sets(mysql_wire)) >= 2


def test_behind_a_proxy_an_isolation_level_is_of_its_transaction_alone(
    mysql_url: str, mysql_wire: Forwarder
) -> None:
    target = credentials(MySQLCredentials, mysql_url, mysql_wire)
    with DbConnector(target, proxy="rds", pool_size=2) as db:
        with transaction_context(db, isolation="REPEATABLE READ"):  # the server's default
            db.fetch_scalar(COUNT)
        with transaction_context(db, isolation="READ COMMITTED", read_only=True):
            before = db.fetch_scalar(COUNT)
            with DbConnector(mysql_url) as other:
                other.execute(INSERT, {"i": 7})
            assert db.fetch_scalar(COUNT) == before + 1  # so it is not REPEATABLE READ
        with transaction_context(db):
            level = db.fetch_one(text("SHOW VARIABLES WHERE Variable_name RLIKE '^t.*_isolation$'"))
            assert level is not None
            assert tuple(level)[1] == "REPEATABLE-READ"
    assert mysql_sets(mysql_wire) == [b"SET TRANSACTION ISOLATION LEVEL READ COMMITTED"]


def test_behind_a_proxy_postgresql_keeps_the_isolation_level(postgresql_url: str) -> None:
    level = text("SHOW transaction_isolation")
    with DbConnector(postgresql_url, proxy="pgbouncer") as db:
        with transaction_context(db, isolation="SERIALIZABLE"):
            assert db.fetch_scalar(level) == "serializable"
        assert db.fetch_scalar(level) == "read committed"


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("default_time_zone", "+02:00", r"time_zone is '\+02:00'.*SET time_zone = '\+00:00'"),
        ("sql_mode", "NO_ENGINE_SUBSTITUTION", "sql_mode is 'NO_ENGINE_SUBSTITUTION'"),
        ("skip_character_set_client_handshake", "1", "character_set_client is 'latin1'"),
    ],
)
def test_a_session_that_would_change_values_is_refused(
    private_mysql: PrivateServer, setting: str, value: str, said: str
) -> None:
    private_mysql.stop()
    private_mysql.start(**{"character_set_server": "latin1", setting: value})
    url = private_mysql.new_database()
    with DbConnector(url, proxy="rds") as db, pytest.raises(DbConfigurationError, match=said):
        db.ping()
    with DbConnector(url) as db:
        db.ping()  # our own sessions are as they should be

    async def ping() -> None:
        async with AsyncDbConnector(url, proxy="rds") as db:
            await db.ping()

    with pytest.raises(DbConfigurationError, match=said):
        asyncio.run(ping())
