"""A table for the messages that could not be stored, as they came."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Column, DateTime, Index, Integer, MetaData, Row, Table, func

from saigon.aws.sqs._database.own_tables import ddl_of, exact_text, long_ascii, long_bytes

__all__ = ["dead_letter_ddl", "dead_letter_request", "dead_letter_table"]

REASON_LENGTH: Final = 1_000


def dead_letter_table(
    metadata: MetaData, name: str = "saigon_dead_letters", *, schema: str | None = None
) -> Table:
    """Return the table, for migrations; nothing is created.

    A message is in it once, however often it is delivered: as ``body`` its bytes in UTF-8, which
    no database alters or refuses, as ``attributes`` JSON with binary values in base64.
    """
    return Table(
        name,
        metadata,
        Column("queue", exact_text(255), primary_key=True),
        Column("message_id", exact_text(128), primary_key=True),
        Column("body", long_bytes(), nullable=False),
        Column("attributes", long_ascii(), nullable=False),
        Column("group_id", exact_text(128)),
        Column("receive_count", Integer, nullable=False),
        Column("reason", exact_text(REASON_LENGTH), nullable=False),
        Column(
            "dead_at",
            DateTime(timezone=True),
            nullable=False,
            server_default=func.current_timestamp(),
        ),
        Index(f"ix_{name}_dead_at", "dead_at"),
        schema=schema,
        mysql_engine="InnoDB",
    )


def dead_letter_ddl(
    dialect_name: str, name: str = "saigon_dead_letters", *, schema: str | None = None
) -> str:
    """Return the table as SQL of ``postgresql``, ``mysql`` (MariaDB too) or ``sqlite``.

    Raises:
        ForwarderConfigError: There is no such dialect.
    """
    return ddl_of(dead_letter_table(MetaData(), name, schema=schema), dialect_name)


def dead_letter_request(row: Row[Any]) -> dict[str, Any]:
    """Return the arguments, but for ``QueueUrl``, that send the message of a row again.

    It keeps its body, its attributes and in a FIFO queue its group; its MessageId is a new one.
    """
    request: dict[str, Any] = {
        "MessageBody": row.body.decode("utf-8", "surrogatepass"),
        "MessageAttributes": _attributes(row.attributes),
    }
    if row.queue.endswith(".fifo"):
        request["MessageGroupId"] = row.group_id
        request["MessageDeduplicationId"] = row.message_id
    return request


def _attributes(text: str) -> dict[str, Mapping[str, Any]]:
    attributes: dict[str, dict[str, Any]] = json.loads(text)
    for value in attributes.values():
        if "BinaryValue" in value:
            value["BinaryValue"] = base64.b64decode(value["BinaryValue"])
    return dict(attributes)
