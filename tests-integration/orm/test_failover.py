"""After a failover each connection in use costs one unit of work at most, and the pool none."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from saigon.orm.config import PostgreSQLCredentials
from saigon.orm.connection import (
    AsyncDbConnector,
    DbConnector,
    Transaction,
    transaction_context,
)
from saigon.orm.exceptions import DbExecutionError
from tools.services import PrivateServer, make_private_mysql, make_private_postgresql
from tools.services.forwarder import Forwarder

POOL = 3
UNITS = 5
CREATE = text("CREATE TABLE t (i INTEGER)")
INSERT = text("INSERT INTO t VALUES (1)")
COUNT = text("SELECT COUNT(*) FROM t")
SESSION = {"postgresql": text("SELECT pg_backend_pid()"), "mysql": text("SELECT CONNECTION_ID()")}


@pytest.fixture
def url(private_server: PrivateServer) -> str:
    url = private_server.new_database()
    with DbConnector(url) as db:
        db.execute(CREATE)
    return url


@pytest.fixture
def db(url: str) -> Iterator[DbConnector]:
    """Give a connector whose pool is full."""
    with DbConnector(url, pool_size=POOL, max_overflow=0) as db:
        sessions_of(db)
        yield db


def session_of(db: DbConnector) -> int:
    return int(db.fetch_scalar(SESSION[db.dialect_name]))


def sessions_of(db: DbConnector) -> set[int]:
    """Return the sessions of the whole pool."""
    with ExitStack() as stack:
        connections = [stack.enter_context(db.engine.connect()) for _ in range(POOL)]
        return {int(each.scalar(SESSION[db.dialect_name])) for each in connections}


def kind_of(work: Callable[[], object]) -> str | None:
    try:
        work()
    except DbExecutionError as error:
        return error.kind
    return None


def test_a_refused_write_empties_the_pool(db: DbConnector, private_server: PrivateServer) -> None:
    before = sessions_of(db)
    private_server.set_read_only(wanted=True)
    assert kind_of(lambda: db.execute(INSERT)) == "read_only"
    private_server.set_read_only(wanted=False)
    db.execute(INSERT)
    assert not before & sessions_of(db)


def test_a_swallowed_refusal_is_no_success(db: DbConnector, private_server: PrivateServer) -> None:
    private_server.set_read_only(wanted=True)
    later: list[str | None] = []

    def work() -> None:
        with transaction_context(db):
            kind_of(lambda: db.execute(INSERT))
            later.append(kind_of(lambda: db.fetch_scalar(COUNT)))

    assert kind_of(work) == "aborted"
    assert later == ["aborted"]


def test_a_refusal_behind_a_savepoint_costs_the_whole_transaction(
    db: DbConnector, private_server: PrivateServer
) -> None:
    private_server.set_read_only(wanted=True)

    def work() -> None:
        with transaction_context(db):
            with pytest.raises(DbExecutionError), transaction_context(db, savepoint=True):
                db.execute(INSERT)
            db.fetch_scalar(COUNT)

    assert kind_of(work) == "aborted"


def test_a_refused_write_is_not_tried_again(db: DbConnector, private_server: PrivateServer) -> None:
    private_server.set_read_only(wanted=True)
    attempts: list[Transaction] = []

    def work(transaction: Transaction) -> None:
        attempts.append(transaction)
        db.execute(INSERT)

    assert kind_of(lambda: db.run_in_transaction(work, retries=3)) == "read_only"
    assert len(attempts) == 1


def test_a_commit_that_a_demoted_mysql_refuses_is_read_only(private_mysql: PrivateServer) -> None:
    with DbConnector(private_mysql.new_database()) as db:
        db.execute(CREATE)
        before = session_of(db)

        def work() -> None:
            with transaction_context(db):
                db.execute(INSERT)
                private_mysql.set_read_only(wanted=True)

        assert kind_of(work) == "read_only"
        assert db.fetch_scalar(COUNT) == 0
        assert session_of(db) != before


def test_a_write_in_a_read_only_block_costs_no_connection(db: DbConnector) -> None:
    before = sessions_of(db)

    def work() -> None:
        with transaction_context(db, read_only=True):
            db.execute(INSERT)

    assert kind_of(work) == "read_only"
    assert sessions_of(db) == before


def test_a_read_only_block_survives_a_refusal_behind_a_savepoint(db: DbConnector) -> None:
    with transaction_context(db, read_only=True):
        with pytest.raises(DbExecutionError), transaction_context(db, savepoint=True):
            db.execute(INSERT)
        assert db.fetch_scalar(COUNT) == 0


def test_a_read_only_block_on_sqlite_keeps_a_database_in_memory() -> None:
    with DbConnector("sqlite://") as db:
        db.execute(CREATE)
        with pytest.raises(DbExecutionError), transaction_context(db, read_only=True):
            db.execute(INSERT)
        assert db.fetch_scalar(COUNT) == 0


@pytest.fixture(scope="module")
def other_postgresql(own_postgresql: PrivateServer) -> Iterator[PrivateServer]:  # skips
    with make_private_postgresql() as server:
        assert isinstance(server, PrivateServer)
        yield server


@pytest.fixture(scope="module")
def other_mysql(own_mysql: PrivateServer) -> Iterator[PrivateServer]:  # skips
    with make_private_mysql() as server:
        assert isinstance(server, PrivateServer)
        yield server


class Cluster:
    """An address that leads to the writer, and another server that may become it."""

    def __init__(self, writer: PrivateServer, other: PrivateServer, forwarder: Forwarder) -> None:
        self._writer = writer
        self._forwarder = forwarder
        login = make_url(writer.new_database())
        self.url = login.set(port=forwarder.port)
        self._url_of_other = other.new_database(login.database)
        self.ports = (writer.port, other.port)
        for url in (login, self._url_of_other):
            with DbConnector(url) as db:
                db.execute(CREATE)

    def fail_over(self) -> None:
        """Demote the writer, which keeps its connections, and lead new ones to the other."""
        self._writer.set_read_only(wanted=True)
        self._forwarder.target = self.ports[1]

    def written_after(self) -> int:
        """Return how many rows the new writer has."""
        with DbConnector(self._url_of_other) as db:
            return int(db.fetch_scalar(COUNT))


@pytest.fixture
def cluster(private_server: PrivateServer, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    kind = make_url(private_server.url).get_backend_name()
    other: PrivateServer = request.getfixturevalue(f"other_{kind}")
    other.reset()
    with Forwarder.to(private_server.port) as forwarder:
        yield Cluster(private_server, other, forwarder)


def test_one_unit_of_work_fails_and_all_others_go_to_the_new_writer(cluster: Cluster) -> None:
    with DbConnector(cluster.url, pool_size=POOL, max_overflow=0) as db:
        sessions_of(db)
        cluster.fail_over()
        kinds = [kind_of(lambda: db.execute(INSERT)) for _ in range(POOL + UNITS)]
    assert kinds == ["read_only"] + [None] * (POOL + UNITS - 1)
    assert cluster.written_after() == POOL + UNITS - 1


def test_threads_lose_one_unit_of_work_for_each_connection_in_use(cluster: Cluster) -> None:
    all_in_use = threading.Barrier(POOL)

    def work(db: DbConnector) -> list[str | None]:
        def first() -> None:
            with transaction_context(db):
                all_in_use.wait(10)
                db.execute(INSERT)

        return [kind_of(first)] + [kind_of(lambda: db.execute(INSERT)) for _ in range(UNITS)]

    with (
        DbConnector(cluster.url, pool_size=POOL, max_overflow=0) as db,
        ThreadPoolExecutor(POOL) as threads,
    ):
        sessions_of(db)
        cluster.fail_over()
        kinds = list(threads.map(work, [db] * POOL))
    assert kinds == [["read_only"] + [None] * UNITS] * POOL
    assert cluster.written_after() == POOL * UNITS


def test_tasks_lose_one_unit_of_work_for_each_connection_in_use(cluster: Cluster) -> None:
    async def kind_of(work: Awaitable[object]) -> str | None:
        try:
            await work
        except DbExecutionError as error:
            return error.kind
        return None

    async def first(db: AsyncDbConnector, all_in_use: asyncio.Barrier) -> None:
        async with transaction_context(db):
            await all_in_use.wait()
            await db.execute(INSERT)

    async def work(db: AsyncDbConnector, all_in_use: asyncio.Barrier) -> list[str | None]:
        kinds = [await kind_of(first(db, all_in_use))]
        return kinds + [await kind_of(db.execute(INSERT)) for _ in range(UNITS)]

    async def fill_pool(db: AsyncDbConnector, all_in_use: asyncio.Barrier) -> None:
        async with transaction_context(db):
            await all_in_use.wait()

    async def main() -> list[list[str | None]]:
        async with AsyncDbConnector(cluster.url, pool_size=POOL, max_overflow=0) as db:
            barrier = asyncio.Barrier(POOL)
            await asyncio.gather(*(fill_pool(db, barrier) for _ in range(POOL)))
            cluster.fail_over()
            return await asyncio.gather(*(work(db, barrier) for _ in range(POOL)))

    assert asyncio.run(main()) == [["read_only"] + [None] * UNITS] * POOL
    assert cluster.written_after() == POOL * UNITS


def test_postgresql_connects_to_the_writer_among_several_hosts(
    private_postgresql: PrivateServer, other_postgresql: PrivateServer
) -> None:
    other_postgresql.reset()
    login = make_url(private_postgresql.new_database())
    other_postgresql.new_database(login.database)
    hosts = [f"127.0.0.1:{server.port}" for server in (private_postgresql, other_postgresql)]
    url = login.set(host=None, port=None).update_query_dict({"host": hosts})
    with DbConnector(url) as db:
        assert port_of(db) == private_postgresql.port
        private_postgresql.set_read_only(wanted=True)
        assert kind_of(lambda: db.execute(CREATE)) == "read_only"
        assert port_of(db) == other_postgresql.port


def port_of(db: DbConnector) -> int:
    return int(db.fetch_scalar(text("SELECT inet_server_port()")))


def test_a_demoted_postgresql_is_connected_to_on_request_only(
    private_postgresql: PrivateServer,
) -> None:
    login = make_url(private_postgresql.new_database())
    private_postgresql.set_read_only(wanted=True)
    with DbConnector(login) as db:
        assert kind_of(db.ping) == "connection"
    with DbConnector(login.update_query_dict({"target_session_attrs": "any"})) as db:
        db.ping()
    with DbConnector(login, proxy="pgbouncer") as db:  # which says what it likes of its servers
        db.ping()


def test_credentials_say_which_server_will_do(private_postgresql: PrivateServer) -> None:
    login = make_url(private_postgresql.new_database())
    private_postgresql.set_read_only(wanted=True)
    writer = PostgreSQLCredentials(
        host="127.0.0.1",
        port=private_postgresql.port,
        username=str(login.username),
        password=SecretStr(str(login.password)),
        dbname=str(login.database),
    )
    with DbConnector(writer) as db:
        assert kind_of(db.ping) == "connection"
    with DbConnector(writer.model_copy(update={"target_session_attrs": "prefer-standby"})) as db:
        db.ping()
