"""AWS on this machine, as the service needs it: what a deployment's template makes in the cloud."""

import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from orders.models import ServiceSecret
from saigon.aws.testing import LocalAws, LocalIdentityPool, LocalQueue


@dataclass(frozen=True)
class Resources:
    """What the service finds in its account."""

    identities: LocalIdentityPool
    orders_queue: LocalQueue
    uploads_queue: LocalQueue
    bucket: str
    service_secret_name: str
    database_secret_name: str | None


class LocalOrdersAws(AbstractContextManager["LocalOrdersAws"]):
    """The account, for as long as the ``with`` block runs."""

    def __init__(self) -> None:
        self.aws = LocalAws()

    def __enter__(self) -> Self:
        """Start it."""
        self.aws.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it; nothing is left."""
        self.aws.stop()

    def make(self, database_login: dict[str, str] | None) -> Resources:
        """Make pools, queues, bucket and secrets.

        Args:
            database_login: The secret that the database's user and password are read from.
        """
        uploads_queue = self.aws.create_queue("uploads")
        secret = ServiceSecret(
            page_token_key=SecretStr(secrets.token_urlsafe(32)),
            gateway_secret=SecretStr(secrets.token_urlsafe(32)),
        )
        return Resources(
            identities=self.aws.create_identity_pool(self.aws.create_user_pool()),
            orders_queue=self.aws.create_queue("orders"),
            uploads_queue=uploads_queue,
            bucket=self._bucket_that_tells_of_uploads(uploads_queue),
            service_secret_name=self.aws.create_secret(
                {name: value.get_secret_value() for name, value in secret}
            ),
            database_secret_name=self.aws.create_secret(database_login) if database_login else None,
        )

    def _bucket_that_tells_of_uploads(self, queue: LocalQueue) -> str:
        bucket: str = self.aws.create_bucket()
        told = {"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*"]}
        self.aws.client("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [told]}
        )
        return bucket
