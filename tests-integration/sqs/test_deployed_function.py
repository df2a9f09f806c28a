"""The function that docs/deploy gives Lambda does what it is deployed for."""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, select

from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

APP = Path(__file__).parents[2] / "docs" / "deploy" / "app"
ORDER = {"id": "a", "customer": "ada", "total": "9.50", "placed_at": "2026-01-01T12:00:00Z"}


@pytest.fixture
def dead_letters(sqs: LocalSqs) -> StrictQueue:
    return sqs.create_queue()


@pytest.fixture
def queue(sqs: LocalSqs, dead_letters: StrictQueue) -> StrictQueue:
    return sqs.create_queue(dead_letter=dead_letters, max_receive_count=1000)


@pytest.fixture
def shop(
    *,
    aws: Any,
    postgresql_url: str,
    queue: StrictQueue,
    dead_letters: StrictQueue,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Any]:
    """The function's module, with an address of the database that names no user."""
    url = make_url(postgresql_url)
    secret = aws.create_secret({"username": url.username, "password": url.password or "any"})
    variables = {
        "QUEUE_URL": queue.url,
        "DEAD_LETTER_URL": dead_letters.url,
        "DATABASE_URL": url.set(username=None, password=None).render_as_string(),
        "DATABASE_SECRET": secret,
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.endpoint_url,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(APP)
    yield importlib.import_module("shop.handler")
    for name in [name for name in sys.modules if name.partition(".")[0] == "shop"]:
        del sys.modules[name]


def test_an_event_is_stored_and_its_bad_message_dead_lettered_in_the_end(
    *, shop: Any, queue: StrictQueue, dead_letters: StrictQueue, postgresql_url: str, sqs: LocalSqs
) -> None:
    tables = sys.modules["shop.tables"]
    stored = select(tables.orders.c.id)
    with DbConnector(postgresql_url) as database:
        tables.metadata.create_all(database.engine)
        queue.put(json.dumps(ORDER))
        queue.put(json.dumps(ORDER))
        bad = queue.put("poison")

        answer = shop.handler(queue.lambda_event(), None)
        assert answer == {"batchItemFailures": [{"itemIdentifier": bad}]}
        assert [row.id for row in database.fetch_all(stored)] == ["a"]

        queue.messages[-1].receive_count = 4
        sqs.advance(3600)
        assert shop.handler(queue.lambda_event(), None) == {"batchItemFailures": []}
        assert [message.body for message in dead_letters.messages] == ["poison"]
        assert [row.id for row in database.fetch_all(stored)] == ["a"]
    shop.connector.dispose()
