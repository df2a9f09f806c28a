"""A user's password is rotated under a running connector, and no query fails."""

import asyncio
import json
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from saigon.aws.rds import SecretCredentials
from saigon.aws.secrets import AwsSecretVault
from saigon.aws.testing import LocalAws
from saigon.model.interface import DbLogin
from saigon.orm.config import DbCredentials, MySQLCredentials, PostgreSQLCredentials
from saigon.orm.connection import AsyncDbConnector, DbConnector
from saigon.orm.exceptions import DbExecutionError
from tools.services import PrivateServer

WHO = text("SELECT CURRENT_USER")
THREADS = 8
ROTATIONS = 5


class Rotated:
    """A user on a server, and a secret that names the user or another with a password."""

    def __init__(self, server: PrivateServer, aws: LocalAws) -> None:
        url = make_url(server.new_database())
        self._server = server
        self._is_postgresql = server.url.startswith("postgresql")
        self._client = aws.client("secretsmanager")
        self._password = server.password
        self.user = self.database = url.database or ""
        self._name = aws.create_secret(self._value(self.user))

    @property
    def target(self) -> DbCredentials:
        """Return the address, with a login that nobody has."""
        kind = PostgreSQLCredentials if self._is_postgresql else MySQLCredentials
        return kind(
            host="127.0.0.1",
            port=self._server.port,
            username="nobody",
            password=SecretStr("nothing"),
            dbname="postgres" if self._is_postgresql else "information_schema",
        )

    def provider(self) -> "Provider":
        """Return a provider over a vault of its own, which remembers nothing yet."""
        return Provider(AwsSecretVault(self._client), self._name)

    def clone(self) -> str:
        """Make a second user with the password of now, and return the name."""
        user = f"{self.user}_clone"
        self._execute(f"CREATE {self._login(user)}")
        return user

    def renew(self) -> None:
        """Make up a new password, which is in force nowhere yet."""
        self._password = secrets.token_urlsafe(24)

    def set_secret(self, user: str | None = None) -> None:
        """Put the password into the secret, for this user."""
        value = json.dumps(self._value(user or self.user))
        self._client.put_secret_value(SecretId=self._name, SecretString=value)

    def set_database(self, user: str | None = None) -> None:
        """Put the password in force on the server, for this user."""
        self._execute(f"ALTER {self._login(user or self.user)}")

    def _login(self, user: str) -> str:
        if self._is_postgresql:
            return f"ROLE {user} LOGIN PASSWORD '{self._password}'"
        return f"USER {user}@'%' IDENTIFIED BY '{self._password}'"

    def _execute(self, statement: str) -> None:
        self._server.execute_admin(statement)

    def _value(self, user: str) -> dict[str, Any]:
        return {"username": user, "password": self._password, "dbname": self.database}


class Provider(SecretCredentials):
    """A provider that does something before it is asked again for the n-th time."""

    def __init__(self, vault: AwsSecretVault, name: str) -> None:
        super().__init__(vault, name)
        self.before: dict[int, Callable[[], None]] = {}
        self.refreshes = 0

    def get_credentials(self, *, refresh: bool = False) -> DbLogin:
        if refresh:
            self.refreshes += 1
            self.before.pop(self.refreshes, lambda: None)()
        return super().get_credentials(refresh=refresh)


@pytest.fixture
def rotated(private_server: PrivateServer, aws: LocalAws) -> Rotated:
    """Give a user and a secret, on each kind of server in turn."""
    return Rotated(private_server, aws)


@pytest.fixture
def rotated_postgresql(private_postgresql: PrivateServer, aws: LocalAws) -> Rotated:
    """Give them on PostgreSQL alone."""
    return Rotated(private_postgresql, aws)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing wait after a refused login; as often as usual, it is tried again."""
    monkeypatch.setattr("saigon.orm._engine.login.AUTH_RETRY_DELAYS", (0.0,) * 4)


def who(db: DbConnector) -> str:
    return str(db.fetch_scalar(WHO)).removesuffix("@%")


async def async_who(db: AsyncDbConnector) -> str:
    return str(await db.fetch_scalar(WHO)).removesuffix("@%")


def test_connections_go_on_and_new_ones_use_the_new_password(rotated: Rotated) -> None:
    provider = rotated.provider()
    with DbConnector(rotated.target, credentials_provider=provider) as db:
        with db.engine.connect() as in_hand:
            in_hand.execute(WHO)
            rotated.renew()
            rotated.set_secret()
            rotated.set_database()
            assert in_hand.execute(WHO).scalar()
            assert who(db) == rotated.user  # by a second connection
            assert provider.refreshes == 1
        db.dispose()
        assert who(db) == rotated.user
    assert provider.refreshes == 1


@pytest.mark.parametrize("order", ["secret-first", "database-first"])
@pytest.mark.parametrize("is_known", [True, False], ids=["remembered", "unknown"])
def test_a_login_in_the_middle_of_a_rotation_succeeds_when_it_is_complete(
    rotated: Rotated, order: str, *, is_known: bool
) -> None:
    provider = rotated.provider()
    steps = [rotated.set_secret, rotated.set_database]
    first, second = steps if order == "secret-first" else reversed(steps)
    with DbConnector(rotated.target, credentials_provider=provider) as db:
        if is_known:
            db.ping()
            db.dispose()
        rotated.renew()
        first()
        provider.before[3] = second
        waits = not (is_known and order == "secret-first")  # the old password still serves
        assert who(db) == rotated.user
        assert provider.refreshes == (3 if waits else 0)
        if not waits:
            second()
            db.dispose()
            assert who(db) == rotated.user
            assert provider.refreshes == 1


def test_connections_of_asyncio_go_on_and_new_ones_wait_for_the_rotation(
    rotated: Rotated,
) -> None:
    provider = rotated.provider()

    async def new(db: AsyncDbConnector) -> str:
        async with db.engine.connect() as connection:
            return str(await connection.scalar(WHO)).removesuffix("@%")

    async def work() -> None:
        async with AsyncDbConnector(rotated.target, credentials_provider=provider) as db:
            async with db.engine.connect() as in_hand:
                await in_hand.execute(WHO)
                rotated.renew()
                rotated.set_database()
                provider.before[2] = rotated.set_secret
                assert {*await asyncio.gather(new(db), new(db))} == {rotated.user}
                assert (await in_hand.execute(WHO)).scalar()
            assert provider.refreshes >= 2
            assert await async_who(db) == rotated.user

    asyncio.run(work())


def test_a_rotation_that_alternates_the_users_needs_no_second_try(rotated: Rotated) -> None:
    provider, first, second = rotated.provider(), rotated.user, rotated.clone()
    with DbConnector(rotated.target, credentials_provider=provider) as db:
        for user, before in [(second, first), (first, second)]:
            assert who(db) == before
            rotated.renew()
            rotated.set_database(user)
            rotated.set_secret(user)
            db.dispose()
            assert who(db) == before  # remembered, and still in force
            rotated.renew()
            rotated.set_database(before)  # now it is not
            db.dispose()
            assert who(db) == user
    assert provider.refreshes == 2


def test_a_rotation_that_never_ends_is_an_auth_error_until_it_does(rotated: Rotated) -> None:
    provider = rotated.provider()
    with DbConnector(rotated.target, credentials_provider=provider) as db:
        rotated.renew()
        rotated.set_secret()
        with pytest.raises(DbExecutionError) as caught:
            db.ping()
        assert (caught.value.kind, provider.refreshes) == ("auth", 4)
        rotated.set_database()
        assert who(db) == rotated.user


class Tally:
    """How many queries each worker has made."""

    def __init__(self) -> None:
        self._made: Counter[int] = Counter()
        self._changed = threading.Condition()

    def count(self, worker: int) -> None:
        with self._changed:
            self._made[worker] += 1
            self._changed.notify_all()

    def wait_for_all(self) -> None:
        """Wait until each worker has begun and ended a query from now on."""
        with self._changed:
            before = Counter(self._made)
            assert self._changed.wait_for(
                lambda: all(self._made[i] >= before[i] + 2 for i in range(THREADS)), 30
            )


def rotate_often(rotated: Rotated, dispose: Callable[[], None], tally: Tally) -> None:
    """Rotate in both orders, all connections made anew after each step."""
    for number in range(ROTATIONS):
        rotated.renew()
        steps = [rotated.set_secret, rotated.set_database]
        for step in steps if number % 2 else reversed(steps):
            step()
            dispose()
        tally.wait_for_all()


# As long as a rotation takes at most, in little pauses.
_PATIENCE = (0.0, *[0.02] * 500)


def test_no_query_of_many_threads_fails_while_it_is_rotated(
    rotated_postgresql: Rotated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saigon.orm._engine.login.AUTH_RETRY_DELAYS", _PATIENCE)
    rotated = rotated_postgresql
    provider, tally, is_over = rotated.provider(), Tally(), threading.Event()

    def work(db: DbConnector, worker: int) -> set[str]:
        found = set()
        while not is_over.is_set():
            found.add(who(db))
            tally.count(worker)
        return found

    with (
        DbConnector(rotated.target, credentials_provider=provider, pool_size=THREADS) as db,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        found = [threads.submit(work, db, worker) for worker in range(THREADS)]
        try:
            rotate_often(rotated, db.dispose, tally)
        finally:
            is_over.set()
        assert [each.result() for each in found] == [{rotated.user}] * THREADS
    assert provider.refreshes >= ROTATIONS


def test_no_query_of_many_tasks_fails_while_it_is_rotated(
    rotated_postgresql: Rotated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saigon.orm._engine.login.AUTH_RETRY_DELAYS", _PATIENCE)
    rotated = rotated_postgresql
    provider, tally, is_over = rotated.provider(), Tally(), threading.Event()

    async def work(db: AsyncDbConnector, worker: int) -> set[str]:
        found = set()
        while not is_over.is_set():
            found.add(await async_who(db))
            tally.count(worker)
        return found

    async def main() -> list[set[str]]:
        loop = asyncio.get_running_loop()
        async with AsyncDbConnector(
            rotated.target, credentials_provider=provider, pool_size=THREADS
        ) as db:

            def dispose() -> None:
                asyncio.run_coroutine_threadsafe(db.dispose(), loop).result(30)

            tasks = [asyncio.create_task(work(db, worker)) for worker in range(THREADS)]
            try:
                await asyncio.to_thread(rotate_often, rotated, dispose, tally)
            finally:
                is_over.set()
            return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [{rotated.user}] * THREADS
    assert provider.refreshes >= ROTATIONS
