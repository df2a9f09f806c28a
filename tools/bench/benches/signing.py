"""Signing a GET request with AWS Signature Version 4."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from requests import PreparedRequest, Request

from tools.bench.registry import Call, Pair, bench

_HOST: Final = "abcdef1234.execute-api.eu-west-1.amazonaws.com"
_URL: Final = f"https://{_HOST}/prod/orders?page_token=abc&max_count=50"
_KEY: Final = "AKIDEXAMPLE"
_SECRET: Final = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"  # noqa: S105  # AWS's own example
_TOKEN: Final = "session-token" * 50
_REGION: Final = "eu-west-1"
_SERVICE: Final = "execute-api"
_CREDENTIAL: Final = re.compile(r"Credential=([^, ]+)")


@bench("signing-get-botocore", peer="botocore's SigV4Auth", goal="at most 0.6")
@contextmanager
def against_botocore() -> Iterator[Pair]:
    """Compare the time from a request to a signed one."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    auth = SigV4Auth(Credentials(_KEY, _SECRET, _TOKEN), _SERVICE, _REGION)

    def sign() -> str:
        request = AWSRequest("GET", _URL)
        auth.add_auth(request)
        return str(request.headers["Authorization"])

    yield _same_scope(Pair(ours=_ours(), peer=sign))


@bench("signing-get-requests-auth", peer="aws-requests-auth", goal="at most 1.3")
@contextmanager
def against_requests_auth() -> Iterator[Pair]:
    """Compare the time from a prepared request to a signed one."""
    from aws_requests_auth.aws_auth import AWSRequestsAuth

    auth = AWSRequestsAuth(_KEY, _SECRET, _HOST, _REGION, _SERVICE, aws_token=_TOKEN)
    prepared = _prepared()
    peer = lambda: _authorization(auth(prepared.copy()))  # noqa: E731  # as ours below
    yield _same_scope(Pair(ours=_ours(), peer=peer))


def _ours() -> Call:
    from saigon.rest.sigv4 import SigV4Auth

    auth = SigV4Auth(_KEY, _SECRET, _HOST, _REGION, _SERVICE, _TOKEN)
    prepared = _prepared()
    return lambda: _authorization(auth(prepared.copy()))


def _prepared() -> PreparedRequest:
    return Request("GET", _URL).prepare()


def _authorization(request: PreparedRequest) -> str:
    return str(request.headers["Authorization"])


def _same_scope(pair: Pair) -> Pair:
    """Hold both to the same credential; which headers are signed is each one's own choice."""
    ours, peer = (
        re.findall(r"Credential=([^, ]+)", str(call())) for call in (pair.ours, pair.peer)
    )
    if not ours or ours != peer:
        msg = f"we sign for {ours}, the peer for {peer}"
        raise ValueError(msg)
    return pair
