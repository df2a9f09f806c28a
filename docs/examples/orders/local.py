"""AWS on this machine, as the service needs it: what a deployment's template makes in the cloud."""

import secrets
from dataclasses import dataclass

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


def make_resources(aws: LocalAws, *, database_login: dict[str, str] | None = None) -> Resources:
    """Make pools, queues, bucket and secrets.

    Args:
        aws: The account to make them in.
        database_login: The secret that the database's user and password are read from.
    """
    uploads_queue = aws.create_queue("uploads")
    secret = ServiceSecret(
        page_token_key=SecretStr(secrets.token_urlsafe(32)),
        gateway_secret=SecretStr(secrets.token_urlsafe(32)),
    )
    return Resources(
        identities=aws.create_identity_pool(aws.create_user_pool()),
        orders_queue=aws.create_queue("orders"),
        uploads_queue=uploads_queue,
        bucket=_bucket_that_tells_of_uploads(aws, uploads_queue),
        service_secret_name=aws.create_secret(
            {name: value.get_secret_value() for name, value in secret}
        ),
        database_secret_name=aws.create_secret(database_login) if database_login else None,
    )


def _bucket_that_tells_of_uploads(aws: LocalAws, queue: LocalQueue) -> str:
    bucket = aws.create_bucket()
    told = {"QueueArn": queue.arn, "Events": ["s3:ObjectCreated:*"]}
    aws.client("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [told]}
    )
    return bucket
