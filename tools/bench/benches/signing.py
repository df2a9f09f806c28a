"""Signing a request with AWS Signature Version 4."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

from requests import PreparedRequest, Request
from requests.auth import AuthBase

from tools.bench import signers
from tools.bench.registry import Pair, bench

_HOST: Final = "abcdef1234.execute-api.eu-west-1.amazonaws.com"
_URL: Final = f"https://{_HOST}/prod/orders"
_JSON: Final = "application/json"
_CREDENTIAL: Final = re.compile(r"Credential=([^, ]+)")


class _Headers(Protocol):
    def __getitem__(self, name: str, /) -> str: ...


Sign = Callable[[], _Headers]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that is to be signed."""

    method: str
    url: str
    body: bytes | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.body is None else {"Content-Type": _JSON}

    def prepared(self) -> PreparedRequest:
        return Request(self.method, self.url, headers=self.headers, data=self.body).prepare()


_KIBIBYTES: Final = json.dumps([{"id": number, "note": "x" * 76} for number in range(100)])
_REQUESTS: Final = {
    "get": _Asked("GET", f"{_URL}?page_token=abc&max_count=50"),
    "post": _Asked("POST", _URL, _KIBIBYTES.encode()),
}


@contextmanager
def against_botocore(asked: _Asked) -> Iterator[Pair]:
    """Compare the time from a request to a signed one."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    credentials = Credentials(signers.KEY, signers.SECRET, signers.TOKEN)
    auth = SigV4Auth(credentials, signers.SERVICE, signers.REGION)

    def sign() -> _Headers:
        request = AWSRequest(asked.method, asked.url, headers=asked.headers, data=asked.body)
        auth.add_auth(request)
        return request.headers

    yield _same_scope(_signing(asked, signers.by_us(_HOST)), sign)


@contextmanager
def against_requests_auth(asked: _Asked) -> Iterator[Pair]:
    """Compare what turns a prepared request into a signed one."""
    with signers.by_aws_requests_auth(_HOST) as peer:
        yield _signed_alone(asked, peer)


@contextmanager
def against_requests_aws4auth(asked: _Asked) -> Iterator[Pair]:
    """Compare likewise with the other library for requests."""
    yield _signed_alone(asked, signers.by_requests_aws4auth())


for _name, _asked in _REQUESTS.items():
    bench(f"signing-{_name}-botocore", peer="botocore's SigV4Auth", goal="at most 0.6")(
        partial(against_botocore, _asked)
    )
    bench(f"signing-{_name}-requests-auth", peer="aws-requests-auth", goal="at most 1.3")(
        partial(against_requests_auth, _asked)
    )
    bench(f"signing-{_name}-requests-aws4auth", peer="requests-aws4auth", goal="below 1")(
        partial(against_requests_aws4auth, _asked)
    )


def _signed_alone(asked: _Asked, peer: AuthBase) -> Pair:
    """Take off both that each call signs a request of its own."""
    pair = _same_scope(_signing(asked, signers.by_us(_HOST)), _signing(asked, peer))
    return replace(pair, base=asked.prepared().copy)


def _signing(asked: _Asked, signer: AuthBase) -> Sign:
    prepared = asked.prepared()
    return lambda: signer(prepared.copy()).headers


def _same_scope(ours: Sign, peer: Sign) -> Pair:
    """Hold both to the same credential; which headers are signed is each one's own choice."""
    mine, theirs = _told(ours()), _told(peer())
    if mine != theirs:
        # Not with the tokens, though these are made up.
        raise ValueError(f"we sign for {mine[0]}, the peer for {theirs[0]}")
    return Pair(ours, peer)


def _told(headers: _Headers) -> tuple[str, str]:
    credential = _CREDENTIAL.search(headers["Authorization"])
    if credential is None:
        raise ValueError("a signature names no credential")
    return credential[1], headers["X-Amz-Security-Token"]
