"""A worker that kills itself: ``killed_worker.py DATABASE_URL QUEUE_URL POINT``."""

import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import urlsplit

from boto3.session import Session
from pydantic import BaseModel
from sqlalchemy import Column, Integer, MetaData, String, Table

from saigon.aws.sqs import ForwarderConfig, RowCounts, SqsToRdsForwarder, TableStatementBuilder
from saigon.orm.connection import DbConnector


class Order(BaseModel):
    id: str
    item: str
    version: int


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


class DyingClient:
    def __init__(self, client: Any, point: str) -> None:
        self._client, self._point = client, point

    def receive_message(self, **request: Any) -> Any:
        answer = self._client.receive_message(**request)
        if self._point == "received":
            die()
        return answer

    def delete_message_batch(self, **request: Any) -> Any:
        if self._point == "committed":
            die()
        self._client.delete_message_batch(**request)
        die()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class DyingBuilder(TableStatementBuilder):
    def __init__(self, table: Table, point: str) -> None:
        super().__init__(table, key="id")
        self._point = point

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        counts = super().write_rows(db_connector, rows)
        if self._point == "inserted":
            die()
        return counts


def main(database_url: str, queue_url: str, point: str) -> None:
    orders = Table(
        "orders",
        MetaData(),
        Column("id", String(36), primary_key=True),
        Column("item", String(20)),
        Column("version", Integer),
    )
    parts = urlsplit(queue_url)
    client = Session(
        aws_access_key_id="local", aws_secret_access_key="local", region_name="us-east-1"
    ).client("sqs", endpoint_url=f"{parts.scheme}://{parts.netloc}")
    with DbConnector(database_url) as connector:
        SqsToRdsForwarder(
            Order,
            queue_url,
            connector,
            DyingBuilder(orders, point),
            sqs_client=DyingClient(client, point),
            config=ForwarderConfig(wait_seconds=0),
        ).run(threading.Event())


if __name__ == "__main__":
    main(*sys.argv[1:])
