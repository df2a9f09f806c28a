"""A dead letter is kept byte for byte, once, on each database."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import MetaData, select, text

from saigon.aws.sqs import dead_letter_ddl, dead_letter_request, dead_letter_table
from saigon.aws.sqs._database.dead_letter_writer import DeadLetterWriter
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs.testing import LocalSqs
from saigon.orm.connection import DbConnector

TABLE = dead_letter_table(MetaData())
ATTRIBUTES = {
    "kind": {"DataType": "String", "StringValue": "trà \U0001f375 \0"},
    "seal": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
}


@pytest.fixture
def table(connector: DbConnector) -> None:
    """Make the table from the SQL that is given for it."""
    for statement in dead_letter_ddl(connector.dialect_name).split(";\n")[:-1]:
        connector.execute(text(statement))


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    "body",
    ["poison\0", "half of a pair: \ud83c", "trà \U0001f375", "é" * 524_288, ""],
    ids=["NUL", "surrogate", "four bytes", "1 MiB", "empty"],
)
def test_any_body_is_kept_as_it_is(body: str, connector: DbConnector) -> None:
    write = DeadLetterWriter(TABLE, connector, "a/1/q")
    message = ReceivedMessage("1", "", body, receive_count=3, attributes=ATTRIBUTES)
    write(message, "the \U0001f375 reason" * 100)
    write(message, "another delivery")
    (row,) = connector.fetch_all(select(TABLE))
    assert dead_letter_request(row) == {"MessageBody": body, "MessageAttributes": ATTRIBUTES}
    assert (row.receive_count, len(row.reason)) == (3, 1000)
    assert row.dead_at is not None


@pytest.mark.usefixtures("table")
def test_a_bad_message_leaves_the_queue_once_it_is_kept(
    make_forwarder: Callable[..., Any], sqs: LocalSqs, connector: DbConnector
) -> None:
    queue = sqs.create_queue()
    message_id = queue.put("poison")
    forwarder = make_forwarder(sqs_queue_url=queue.url, dead_letter=TABLE)
    assert forwarder.forward().dead == 1
    assert queue.messages == []
    assert [row.message_id for row in connector.fetch_all(select(TABLE))] == [message_id]
