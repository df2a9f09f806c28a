"""Messages of 300 bytes and the table of eight columns that they go into."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

from pydantic import AwareDatetime
from sqlalchemy import Boolean, Column, DateTime, Integer, MetaData, Numeric, String, Table
from sqlalchemy.dialects.mysql import DATETIME

from saigon.model import BaseModelNoExtra

__all__ = ["BODY_BYTES", "QUEUE_ARN", "QUEUE_URL", "SALES", "Sale", "event_of", "new_body"]

BODY_BYTES: Final = 300
QUEUE_URL: Final = "https://sqs.eu-central-1.amazonaws.com/123456789012/sales"
QUEUE_ARN: Final = "arn:aws:sqs:eu-central-1:123456789012:sales"

SALES: Final = Table(
    "sales",
    MetaData(),
    Column("id", String(36), primary_key=True),
    Column("customer", String(40), nullable=False),
    Column("product", String(80), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("price", Numeric(12, 2), nullable=False),
    Column("is_paid", Boolean, nullable=False),
    Column(
        "placed_at",
        DateTime(timezone=True).with_variant(DATETIME(fsp=6), "mysql", "mariadb"),
        nullable=False,
    ),
    Column("note", String(200)),
)


class Sale(BaseModelNoExtra):
    """A message."""

    id: str
    customer: str
    product: str
    quantity: int
    price: Decimal
    is_paid: bool
    placed_at: AwareDatetime
    note: str | None


def new_body(number: int) -> str:
    """Return a message with a key of its own."""
    body = (
        f'{{"id": "{uuid4()}", "customer": "customer {number % 1_000}", '
        f'"product": "a product of the catalogue", "quantity": {number % 9 + 1}, '
        f'"price": "{number % 100}.50", "is_paid": true, '
        '"placed_at": "2026-05-01T12:00:00.250000Z", "note": "'
    )
    return body + "x" * (BODY_BYTES - len(body) - 2) + '"}'


def event_of(bodies: Sequence[str]) -> dict[str, Any]:
    """Return what Lambda is called with for messages.

    See Also:
        https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    return {"Records": [_record(body) for body in bodies]}


def _record(body: str) -> dict[str, Any]:
    return {
        "messageId": str(uuid4()),
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1777636800000",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1777636800001",
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN,
        "awsRegion": "eu-central-1",
    }
