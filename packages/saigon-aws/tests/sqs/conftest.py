"""A strict queue, a database in a file, and forwarders between them."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import pytest
from pydantic import BaseModel
from sqlalchemy import Column, Integer, MetaData, String, Table, select, text

from saigon.aws.sqs import ForwarderConfig, SqsToRdsForwarder
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

QUICK = ForwarderConfig(
    wait_seconds=0,
    backoff_seconds=0,
    probe_seconds=0,
    max_probe_seconds=0,
    retry_delay=1,
)


class Order(BaseModel):
    id: str
    item: str
    version: int
    total: Decimal | None = None


class MakeForwarder(Protocol):
    def __call__(self, **options: Any) -> SqsToRdsForwarder[Any]: ...


@pytest.fixture
def order_type() -> type[BaseModel]:
    return Order


@pytest.fixture
def quick() -> ForwarderConfig:
    return QUICK


@pytest.fixture
def orders() -> Table:
    return Table(
        "orders",
        MetaData(),
        Column("id", String(36), primary_key=True),
        Column("item", String(40), nullable=False, unique=True),
        Column("version", Integer, nullable=False),
        Column("total", String(40), nullable=True),
    )


@pytest.fixture
def connector(tmp_path: Path, orders: Table) -> Iterator[DbConnector]:
    with DbConnector(f"sqlite:///{tmp_path / 'orders.db'}") as connector:
        orders.metadata.create_all(connector.engine)
        yield connector


@pytest.fixture(scope="session")
def sqs() -> Iterator[LocalSqs]:
    with LocalSqs() as sqs:
        yield sqs


@pytest.fixture
def dead_letters(sqs: LocalSqs) -> StrictQueue:
    return sqs.create_queue()


@pytest.fixture
def queue(sqs: LocalSqs, dead_letters: StrictQueue) -> StrictQueue:
    return sqs.create_queue(dead_letter=dead_letters, max_receive_count=5)


@pytest.fixture
def make_forwarder(
    queue: StrictQueue, connector: DbConnector, orders: Table, sqs: LocalSqs
) -> MakeForwarder:
    def make(**options: Any) -> SqsToRdsForwarder[Any]:
        arguments = {
            "message_type": Order,
            "sqs_queue_url": queue.url,
            "db_connector": connector,
            "target": orders,
            "sqs_client": sqs.client(),
            "config": QUICK,
        }
        return SqsToRdsForwarder(**(arguments | options))

    return make


@pytest.fixture
def order_json() -> Callable[..., str]:
    def body(order_id: str, **values: Any) -> str:
        return json.dumps({"id": order_id, "item": f"item of {order_id}", "version": 1} | values)

    return body


@pytest.fixture
def stored(connector: DbConnector, orders: Table) -> Callable[[], dict[str, str]]:
    """The stored orders: items by id."""

    def read() -> dict[str, str]:
        rows = connector.fetch_all(select(orders.c.id, orders.c.item))
        return {row.id: row.item for row in rows}

    return read


@pytest.fixture
def sql(connector: DbConnector) -> Callable[[str], None]:
    def execute(statement: str) -> None:
        connector.execute(text(statement))

    return execute
