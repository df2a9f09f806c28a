import asyncio
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, HTTPException
from sqlalchemy import Column, Integer, MetaData, String, Table, func, insert, select
from sqlalchemy.pool import QueuePool

from saigon.fastapi.transactions import db_transaction
from saigon.fastapi.utils import create_app
from saigon.orm.connection import DbConnector, Transaction, transaction_context
from saigon.orm.exceptions import TransactionUsageError

metadata = MetaData()
orders = Table(
    "orders",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("parent", Integer, nullable=True),
    Column("name", String(20), nullable=False, unique=True),
)
Request = Callable[..., httpx.Response]


@pytest.fixture
def connector(database_url: str) -> Iterator[DbConnector]:
    with DbConnector(database_url) as connector:
        metadata.create_all(connector.engine)
        yield connector


def add(connector: DbConnector, order_id: int, name: str | None = None) -> None:
    values = {"id": order_id, "name": name or f"order {order_id}"}
    connector.execute(insert(orders).values(values), require_transaction=True)


def count(connector: DbConnector) -> Any:
    return connector.fetch_scalar(select(func.count()).select_from(orders))


@pytest.fixture
def app(connector: DbConnector) -> FastAPI:
    router = APIRouter(dependencies=[db_transaction(connector)])
    outside = APIRouter()

    @router.post("/sync/{order_id}")
    def create(order_id: int, fail: str = "") -> int:
        add(connector, order_id)
        _fail(connector, fail)
        return order_id

    @router.post("/async/{order_id}")
    async def create_async(order_id: int, fail: str = "") -> int:
        add(connector, order_id)
        await asyncio.sleep(0)
        _fail(connector, fail)
        return order_id

    @router.post("/badly-serialised/{order_id}")
    def create_badly(order_id: int) -> list[int]:
        add(connector, order_id)
        return order_id  # type: ignore[return-value]  # the answer cannot be made

    def first(order_id: int) -> None:
        add(connector, order_id)

    @router.post("/both/{order_id}", dependencies=[Depends(first)])
    async def create_both(order_id: int) -> Any:
        await asyncio.to_thread(add, connector, order_id + 1)
        return count(connector)

    @router.post("/nested/{order_id}")
    def create_nested(
        order_id: int, transaction: Annotated[Transaction, db_transaction(connector)]
    ) -> bool:
        with transaction_context(connector) as joined:
            add(connector, order_id)
            return joined == transaction

    @router.post("/task/{order_id}")
    def create_with_task(order_id: int, tasks: BackgroundTasks) -> int:
        tasks.add_task(lambda: seen.append(count(connector)))
        add(connector, order_id)
        return order_id

    @outside.post("/bare/{order_id}")
    def create_outside(order_id: int) -> None:
        add(connector, order_id)

    seen: list[Any] = []
    app = create_app(title="Test", routers=[router, outside])
    app.state.seen = seen
    return app


def _fail(connector: DbConnector, how: str) -> None:
    match how:
        case "http":
            raise HTTPException(409)
        case "crash":
            raise RuntimeError
        case "unique":
            add(connector, 99, "order 1")
        case "swallowed":
            with pytest.raises(Exception, match=r".*"):
                add(connector, 99, "order 1")


async def _post(app: FastAPI, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
        return await session.post(path)


@pytest.fixture
def post(app: FastAPI) -> Request:
    return lambda path: asyncio.run(_post(app, path))


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_endpoint_is_committed(post: Request, connector: DbConnector, kind: str) -> None:
    assert post(f"/{kind}/1").status_code == 200
    assert count(connector) == 1


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(("fail", "status"), [("http", 409), ("crash", 500)])
def test_error_rolls_back(
    post: Request, connector: DbConnector, kind: str, *, fail: str, status: int
) -> None:
    assert post(f"/{kind}/1?fail={fail}").status_code == status
    assert count(connector) == 0


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_conflict_is_409_and_rolls_back(post: Request, connector: DbConnector, kind: str) -> None:
    answer = post(f"/{kind}/1?fail=unique")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert "order 1" not in answer.text
    assert count(connector) == 0


def test_answer_that_cannot_be_made_rolls_back(post: Request, connector: DbConnector) -> None:
    assert post("/badly-serialised/1").status_code == 500
    assert count(connector) == 0


def test_commit_that_fails_is_answered(postgresql_url: str) -> None:
    """A deferred constraint is checked by the commit, after the endpoint has returned."""
    with DbConnector(postgresql_url) as connector:
        metadata.create_all(connector.engine)
        with connector.engine.begin() as connection:
            connection.exec_driver_sql(
                "ALTER TABLE orders ADD FOREIGN KEY (parent) REFERENCES orders"
                " DEFERRABLE INITIALLY DEFERRED"
            )
        router = APIRouter(dependencies=[db_transaction(connector)])

        @router.post("/")
        def create() -> None:
            connector.execute(insert(orders).values(id=1, parent=2, name="x"))

        app = create_app(title="Test", routers=[router])
        assert asyncio.run(_post(app, "/")).status_code == 409
        assert count(connector) == 0


def test_sync_dependency_async_endpoint_and_its_thread_share_one(
    post: Request, connector: DbConnector
) -> None:
    assert post("/both/1").json() == 2
    assert count(connector) == 2


def test_inner_transactions_join(post: Request, connector: DbConnector) -> None:
    assert post("/nested/1").json() is True
    assert count(connector) == 1


def test_background_task_runs_after_the_commit_and_outside(post: Request, app: FastAPI) -> None:
    assert post("/task/1").status_code == 200
    assert app.state.seen == [1]


def test_concurrent_tasks_are_refused(connector: DbConnector) -> None:
    router = APIRouter()

    async def task() -> None:
        add(connector, 1)

    @router.post("/", dependencies=[db_transaction(connector)])
    async def create() -> None:
        with pytest.raises(TransactionUsageError):
            await asyncio.create_task(task())

    app = create_app(title="Test", routers=[router])
    assert asyncio.run(_post(app, "/")).status_code == 200
    assert count(connector) == 0


def test_cancelled_request_rolls_back_and_gives_its_connection_back(
    connector: DbConnector,
) -> None:
    router = APIRouter()
    added = asyncio.Event()

    @router.post("/", dependencies=[db_transaction(connector)])
    async def create() -> None:
        add(connector, 1)
        added.set()
        await asyncio.Event().wait()

    async def main() -> None:
        request = asyncio.create_task(_post(create_app(title="Test", routers=[router]), "/"))
        await added.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

    asyncio.run(main())
    assert count(connector) == 0
    pool = connector.engine.pool
    assert isinstance(pool, QueuePool)
    assert pool.checkedout() == 0


def test_endpoint_without_the_dependency_has_no_transaction(post: Request) -> None:
    assert post("/bare/1").status_code == 500


def test_requests_beyond_the_pool_all_finish(connector: DbConnector, app: FastAPI) -> None:
    """More requests than connections and threads: none waits for one that waits for it."""

    async def main() -> list[int]:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as session:
            answers = await asyncio.gather(
                *(session.post(f"/{('sync', 'async')[n % 2]}/{n}") for n in range(100))
            )
        return [answer.status_code for answer in answers]

    assert asyncio.run(main()) == [200] * 100
    assert count(connector) == 100
