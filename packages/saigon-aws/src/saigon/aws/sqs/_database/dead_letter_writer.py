"""Keep bad messages in a table, as they came."""

import base64
import json
import threading

from sqlalchemy import MetaData, Table

from saigon.aws.sqs._database.own_tables import check_columns, insert_new
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs.dead_letters import REASON_LENGTH, dead_letter_table
from saigon.orm.connection import DbConnector


class DeadLetterWriter:
    """Writes bad messages of one queue into the table, each in a transaction of its own.

    Raises:
        ForwarderConfigError: The table is not one for dead letters.
    """

    def __init__(self, table: Table, connector: DbConnector, queue: str) -> None:
        check_columns(table, dead_letter_table(MetaData()))
        self._insert = insert_new(table, ["queue", "message_id"], connector.dialect_name)
        self._connector = connector
        self._queue = queue
        self._writing = threading.Lock()  # one connection will do

    def __call__(self, message: ReceivedMessage, reason: str) -> None:
        """Keep a message.

        Raises:
            DbExecutionError: It is not kept.
        """
        row = {
            "queue": self._queue,
            "message_id": message.message_id,
            "body": message.body.encode("utf-8", "surrogatepass"),
            "attributes": json.dumps(dict(message.attributes), default=_base64),
            "group_id": message.group_id,
            "receive_count": message.receive_count,
            "reason": _storable(reason)[:REASON_LENGTH],
        }
        with self._writing:
            self._connector.execute(self._insert, row)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _storable(reason: str) -> str:
    """Return a text that each database takes; what a builder wrote may be anything."""
    return reason.encode("utf-8", "replace").decode().replace("\0", " ")
