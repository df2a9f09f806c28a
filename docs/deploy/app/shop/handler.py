"""The function of lambda.yaml: what the queue brings goes into the table, through RDS Proxy.

What is made here is made once for each of Lambda's environments, and kept between calls.
"""

import os
from typing import Any

from sqlalchemy import make_url

from saigon.aws.rds import RdsIamCredentials, SecretCredentials
from saigon.aws.secrets import AwsSecretVault
from saigon.aws.sqs import ForwarderConfig, SqsToRdsForwarder
from saigon.model.interface import CredentialsProvider
from saigon.orm.connection import DbConnector
from shop.models import Order
from shop.tables import orders

__all__ = ["connector", "forwarder", "handler"]

_url = make_url(os.environ["DATABASE_URL"])


def _login() -> CredentialsProvider:
    user = os.environ.get("DATABASE_IAM_USER")
    if user is None:
        return SecretCredentials(AwsSecretVault(), os.environ["DATABASE_SECRET"])
    return RdsIamCredentials(str(_url.host), _url.port or 5432, user, os.environ["AWS_REGION"])


connector = DbConnector.for_lambda(_url, credentials_provider=_login(), proxy="rds")
forwarder = SqsToRdsForwarder(
    Order,
    os.environ["QUEUE_URL"],
    connector,
    orders,
    dead_letter=os.environ["DEAD_LETTER_URL"],
    config=ForwarderConfig(
        partial_responses=True,  # goes with ReportBatchItemFailures of the mapping, never without
        max_attempts=5,
        outage_visibility=360,
    ),
)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any] | None:
    """Store the messages of an event; answer with the ids of those that were not stored."""
    return forwarder.handle_lambda_event(event, context)
