"""A strict queue and a table of orders on each database."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import pytest
from pydantic import AwareDatetime, BaseModel
from sqlalchemy import Column, DateTime, Integer, MetaData, Numeric, String, Table, select

from saigon.aws.sqs import ForwarderConfig, SqsToRdsForwarder
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

QUICK = ForwarderConfig(
    wait_seconds=0, backoff_seconds=0.01, probe_seconds=0.01, max_probe_seconds=0.01, retry_delay=1
)


class Order(BaseModel):
    id: str
    item: str
    version: int
    placed: AwareDatetime | None = None
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
        Column("item", String(20), nullable=False, unique=True),
        Column("version", Integer, nullable=False),
        Column("placed", DateTime(timezone=True)),
        Column("total", Numeric(12, 2)),
    )


@pytest.fixture
def connector(database_url: str, orders: Table) -> Iterator[DbConnector]:
    with DbConnector(database_url) as connector:
        orders.metadata.create_all(connector.engine)
        yield connector


@pytest.fixture(scope="session")
def sqs() -> Iterator[LocalSqs]:
    with LocalSqs() as sqs:
        yield sqs


@pytest.fixture
def queue(sqs: LocalSqs) -> StrictQueue:
    return sqs.create_queue(dead_letter=sqs.create_queue(), max_receive_count=50)


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
        fields = {"id": order_id, "item": f"item of {order_id}", "version": 1} | values
        return json.dumps(fields, default=datetime.isoformat)

    return body


@pytest.fixture
def stored(connector: DbConnector, orders: Table) -> Callable[[], dict[str, str]]:
    def read() -> dict[str, str]:
        rows = connector.fetch_all(select(orders.c.id, orders.c.item))
        assert len(rows) == len({row.id for row in rows}), "a key has two rows"
        return {row.id: row.item for row in rows}

    return read
