"""The whole service, running: AWS, database, API behind the gateway, forwarder, importer."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import Table

from orders.api import GATEWAY_SECRET_HEADER, OrdersService, orders_app
from orders.client import OrdersClient
from orders.database import connected, login_in, own_table
from orders.importer import UploadImporter
from orders.local import Resources, make_resources
from orders.models import ServiceSecret, StoredOrder
from orders.serving import Worker, served, working
from saigon.aws.cognito import CognitoClient
from saigon.aws.s3 import s3_get_client
from saigon.aws.secrets import AwsSecretVault
from saigon.aws.sqs import ForwarderConfig, SqsToRdsForwarder
from saigon.aws.testing import LocalAws
from saigon.model import PaginationTokenCodec
from saigon.orm.connection import DbConnector
from saigon.rest.gateway import UpstreamProxy
from saigon.rest.testing import LocalApi

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_sqs import SQSClient

# Short polls, so that the end of a run does not wait for one.
_FORWARDER: Final = ForwarderConfig(batch_size=500, wait_seconds=1)


@dataclass
class OrdersSystem:
    """The running service, from the outside."""

    resources: Resources
    session: "Session"
    sqs: "SQSClient"
    db: DbConnector
    table: Table
    service_url: str
    gateway_url: str
    workers: list[Worker]

    def sign_up(self) -> OrdersClient:
        """Sign a new user up and return a client that is logged in as that user."""
        config = self.resources.identities.config()
        username, password = f"user-{secrets.token_hex(4)}", f"Aa1!{secrets.token_urlsafe(16)}"
        # A session that reads nothing of the AWS settings of whoever runs this.
        cognito = CognitoClient(config, session=self.session)
        cognito.sign_up(username, password)
        cognito.confirm_user(username)  # as the operator: no mail brings a code on this machine
        region = self.resources.identities.user_pool.region
        client = OrdersClient(self.gateway_url, cognito=cognito, region=region)
        client.login(username, password)
        return client

    def waiting_messages(self) -> int:
        """Count what is in the queues, received or not."""
        urls = (self.resources.orders_queue.url, self.resources.uploads_queue.url)
        return sum(map(self._queue_length, urls))

    def _queue_length(self, url: str) -> int:
        answer = self.sqs.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )
        return sum(map(int, answer["Attributes"].values()))

    def raise_worker_errors(self) -> None:
        """Raise what ended a worker, if anything did."""
        for worker in self.workers:
            if worker.error is not None:
                raise worker.error


@contextmanager
def running(database_url: str | None = None) -> Iterator[OrdersSystem]:
    """Run the service for as long as the block; afterwards nothing of it is left.

    Args:
        database_url: SQLAlchemy's address of a database; by default a file of its own.
    """
    with ExitStack() as stack:
        aws = stack.enter_context(LocalAws())
        resources = make_resources(aws, database_login=login_in(database_url))
        session = aws.session()
        vault = AwsSecretVault(session.client("secretsmanager"))
        secret = vault.get_secret(ServiceSecret, resources.service_secret_name)
        db = stack.enter_context(
            connected(
                database_url,
                vault=vault,
                login_secret=resources.database_secret_name,
                page_tokens=PaginationTokenCodec([secret.page_token_key]),
            )
        )
        table = stack.enter_context(own_table(db))
        service = OrdersService(
            db=db,
            orders=table,
            sqs=session.client("sqs"),
            orders_queue_url=resources.orders_queue.url,
            s3=s3_get_client(session=session, endpoint_url=aws.endpoint_url),
            bucket=resources.bucket,
            user_pools=[resources.identities.user_pool.user_pool_id],
            gateway_secret=lambda: (
                vault.get_secret(ServiceSecret, resources.service_secret_name).gateway_secret
            ),
        )
        service_url = stack.enter_context(served(orders_app(service)))
        api = LocalApi(
            UpstreamProxy(service_url),
            resources.identities,
            secret_headers={GATEWAY_SECRET_HEADER: secret.gateway_secret},
        )
        stack.enter_context(api)
        workers = _workers(service, resources)
        stack.enter_context(working(workers))
        yield OrdersSystem(
            resources=resources,
            session=session,
            sqs=service.sqs,
            db=db,
            table=table,
            service_url=service_url,
            gateway_url=api.url,
            workers=workers,
        )


def _workers(service: OrdersService, resources: Resources) -> list[Worker]:
    forwarder = SqsToRdsForwarder(
        StoredOrder,
        service.orders_queue_url,
        service.db,
        service.orders,
        key="id",
        sqs_client=service.sqs,
        config=_FORWARDER,
    )
    importer = UploadImporter(
        uploads_url=resources.uploads_queue.url,
        orders_url=service.orders_queue_url,
        sqs=service.sqs,
        s3=service.s3,
    )
    return [Worker("forwarder", forwarder.run), Worker("importer", importer.run)]
