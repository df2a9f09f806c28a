"""The demo's importer, with what users upload and what they should not."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from orders.importer import UploadImporter
from orders.local import Resources, make_resources
from orders.models import StoredOrder
from saigon.aws.testing import LocalAws

LINE = {
    "order_id": "A-1",
    "item": "phở",
    "quantity": 2,
    "unit_price": "9.90",
    "placed_at": "2026-01-01T12:00:00Z",
}


@pytest.fixture(scope="module")
def account() -> Iterator[LocalAws]:
    with LocalAws() as aws:
        yield aws


@pytest.fixture(scope="module")
def resources(account: LocalAws) -> Resources:
    return make_resources(account)


def archive(*lines: object) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("orders.jsonl", "\n".join(map(json.dumps, lines)))
    return content.getvalue()


def count(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(map(int, answer["Attributes"].values()))


def test_what_cannot_be_imported_is_left_to_the_redrive_policy_and_spoils_nothing(
    account: LocalAws, resources: Resources
) -> None:
    sqs, s3 = account.client("sqs"), account.client("s3")
    uploads = {
        "uploads/ada/broken.zip": b"PK no archive",
        "uploads/ada/good.zip": archive({"order_id": "no order"}, LINE),
        "stranger.zip": archive(LINE),
        "elsewhere/ada/orders.zip": archive(LINE),
    }
    for key, body in uploads.items():
        s3.put_object(Bucket=resources.bucket, Key=key, Body=body)
    importer = UploadImporter(
        uploads_url=resources.uploads_queue.url,
        orders_url=resources.orders_queue.url,
        sqs=sqs,
        s3=s3,
    )

    importer.import_next(wait_seconds=0)

    assert count(sqs, resources.uploads_queue.url) == 3
    (message,) = sqs.receive_message(QueueUrl=resources.orders_queue.url, MaxNumberOfMessages=10)[
        "Messages"
    ]
    stored = StoredOrder.model_validate_json(message["Body"])
    assert (stored.customer, stored.order_id) == ("ada", "A-1")
