"""The worker that brings uploaded zip files of orders into the queue.

S3 notifies a queue of each upload. The archive is unzipped into a temporary folder, every line of
its files becomes a message, and only then the notification is deleted: a crash on the way repeats
the import, which the orders' keys make harmless. An archive that cannot be imported is left to the
queue's redrive policy.
"""

import json
import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from orders.models import Order, StoredOrder
from saigon.aws.s3 import (
    S3Error,
    S3ObjectDescriptor,
    UnzipLimits,
    s3_object_descriptors_from_event,
    s3_temporary_unzip,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

logger = logging.getLogger(__name__)

UPLOADS: Final = "uploads"
_LIMITS: Final = UnzipLimits(total_bytes=256 * 1024 * 1024, members=100)
_BATCH: Final = 10  # SQS takes no more at a time


class UploadImporter:
    """Consumes the notifications of a bucket.

    Args:
        uploads_url: The queue that the bucket notifies.
        orders_url: The queue of orders.
        sqs: A client of SQS.
        s3: A client of S3.
    """

    def __init__(
        self, *, uploads_url: str, orders_url: str, sqs: "SQSClient", s3: "S3Client"
    ) -> None:
        self._uploads_url = uploads_url
        self._orders_url = orders_url
        self._sqs = sqs
        self._s3 = s3

    def run(self, stop: Event) -> None:
        """Import uploads until told to stop."""
        while not stop.is_set():
            self.import_next(wait_seconds=1)

    def import_next(self, *, wait_seconds: int) -> None:
        """Import what one receive brings."""
        answer = self._sqs.receive_message(
            QueueUrl=self._uploads_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_seconds
        )
        for message in answer.get("Messages", []):
            try:
                for upload in s3_object_descriptors_from_event(json.loads(message["Body"])):
                    self._import_archive(upload)
            except (S3Error, ValueError):
                logger.exception("upload of message %s was not imported", message["MessageId"])
                continue
            self._sqs.delete_message(
                QueueUrl=self._uploads_url, ReceiptHandle=message["ReceiptHandle"]
            )

    def _import_archive(self, upload: S3ObjectDescriptor) -> None:
        customer = _customer(upload["Key"])
        with s3_temporary_unzip(self._s3, upload, limits=_LIMITS) as files:
            for file in files:
                self._import_file(customer, file)

    def _import_file(self, customer: str, file: Path) -> None:
        orders = _orders(customer, file)
        while batch := list(islice(orders, _BATCH)):
            self._send(batch)

    def _send(self, batch: list[StoredOrder]) -> None:
        entries: list[SendMessageBatchRequestEntryTypeDef] = [
            {"Id": str(place), "MessageBody": order.model_dump_json()}
            for place, order in enumerate(batch)
        ]
        answer = self._sqs.send_message_batch(QueueUrl=self._orders_url, Entries=entries)
        if failed := answer.get("Failed"):
            raise ValueError(f"{len(failed)} of {len(batch)} orders were not taken by the queue")


def _customer(key: str) -> str:
    match key.split("/"):
        case [folder, customer, _] if folder == UPLOADS and customer:
            return customer
    raise ValueError(f"expected an upload under {UPLOADS}/CUSTOMER/")


def _orders(customer: str, file: Path) -> Iterator[StoredOrder]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield StoredOrder.of(customer, Order.model_validate_json(line))
            except ValidationError as error:
                logger.warning(
                    "line %d of %s is no order: %d faults", number, file.name, error.error_count()
                )
