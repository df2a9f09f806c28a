"""Signers of the same credentials: ours, and what one would take instead."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from requests.auth import AuthBase

from tools.bench.registry import require

__all__ = [
    "KEY",
    "REGION",
    "SECRET",
    "SERVICE",
    "TOKEN",
    "by_aws_requests_auth",
    "by_requests_aws4auth",
    "by_us",
]

KEY: Final = "AKIDEXAMPLE"
SECRET: Final = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"  # noqa: S105  # AWS's own example
TOKEN: Final = "session-token" * 50
REGION: Final = "eu-west-1"
SERVICE: Final = "execute-api"


def by_us(host: str) -> AuthBase:
    """Return our signer for a host."""
    from saigon.rest.sigv4 import SigV4Auth

    return SigV4Auth(KEY, SECRET, host, REGION, SERVICE, TOKEN)


@contextmanager
def by_aws_requests_auth(host: str) -> Iterator[AuthBase]:
    """Give that of aws-requests-auth."""
    from aws_requests_auth.aws_auth import AWSRequestsAuth

    with warnings.catch_warnings():
        # It asks for the time in a way that Python 3.12 warns of.
        warnings.simplefilter("ignore", DeprecationWarning)
        yield AWSRequestsAuth(KEY, SECRET, host, REGION, SERVICE, aws_token=TOKEN)


def by_requests_aws4auth() -> AuthBase:
    """Return that of requests-aws4auth, which takes the host from each request.

    Raises:
        Unavailable: It is not installed.
    """
    require("requests_aws4auth")
    from requests_aws4auth import AWS4Auth

    signer: AuthBase = AWS4Auth(KEY, SECRET, REGION, SERVICE, session_token=TOKEN)
    return signer
