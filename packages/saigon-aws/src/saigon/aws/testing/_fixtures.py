"""The fixtures of :mod:`saigon.aws.testing`; they hold fresh names, so tests share one server."""

import secrets
from collections.abc import Iterator

import pytest

from saigon.aws.testing._local_aws import LocalAws
from saigon.aws.testing._resources import LocalIdentityPool, LocalQueue, LocalUser, LocalUserPool


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    """AWS on this machine, for the whole run."""
    with LocalAws() as local_aws:
        yield local_aws


@pytest.fixture
def aws_user_pool(aws: LocalAws) -> LocalUserPool:
    """An empty user pool with an app client that has no secret."""
    return aws.create_user_pool()


@pytest.fixture
def aws_user(aws: LocalAws, aws_user_pool: LocalUserPool) -> LocalUser:
    """A confirmed user of ``aws_user_pool``."""
    return aws.create_user(aws_user_pool)


@pytest.fixture
def aws_identity_pool(aws: LocalAws, aws_user_pool: LocalUserPool) -> LocalIdentityPool:
    """An identity pool for the users of ``aws_user_pool``."""
    return aws.create_identity_pool(aws_user_pool)


@pytest.fixture
def aws_queue(aws: LocalAws) -> LocalQueue:
    """An empty queue with a dead-letter queue."""
    return aws.create_queue()


@pytest.fixture
def aws_bucket(aws: LocalAws) -> str:
    """The name of an empty bucket."""
    return aws.create_bucket()


@pytest.fixture
def aws_secret(aws: LocalAws) -> str:
    """The name of a secret that holds a JSON object with ``username`` and ``password``."""
    return aws.create_secret({"username": "saigon", "password": secrets.token_urlsafe(12)})
