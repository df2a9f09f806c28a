"""Signed requests, and botocore as the judge of what stands in them."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.auth import SigV4Auth as BotocoreSigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from saigon.rest.sigv4 import SigV4Auth

NOW = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)
HOST = "abc123.execute-api.eu-west-1.amazonaws.com"


@dataclass(frozen=True)
class Keys:
    access_key: str = "AKIDEXAMPLE"
    secret: str = "the-secret"
    token: str | None = "the-token"


@dataclass(frozen=True)
class Wire:
    """A request as it goes out, or as it came in."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def authorization(self) -> str:
        return next(value for name, value in self.headers.items() if name == "authorization")

    @property
    def signed_names(self) -> frozenset[str]:
        listed = self.authorization.partition("SignedHeaders=")[2].partition(",")[0]
        return frozenset(listed.split(";"))


def read_all(body: Any) -> bytes:
    """Read what would be sent of a body, and put it back."""
    if hasattr(body, "read"):
        start = body.tell()
        data = body.read()
        body.seek(start)
        return bytes(data)
    return body.encode() if isinstance(body, str) else bytes(body or b"")


@pytest.fixture(scope="session")
def host() -> str:
    return HOST


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys()


@pytest.fixture(scope="session")
def signer(keys: Keys) -> Callable[..., SigV4Auth]:
    def make(host: str = HOST, **options: Any) -> SigV4Auth:
        given = {"aws_token": keys.token, "clock": lambda: NOW, **options}
        return SigV4Auth(keys.access_key, keys.secret, host, **given)

    return make


@pytest.fixture(scope="session")
def signer_of() -> Callable[..., SigV4Auth]:
    """Make a signer that asks for its credentials."""
    return lambda credentials: SigV4Auth(aws_host=HOST, credentials=credentials, clock=lambda: NOW)


@pytest.fixture(scope="session")
def signed(signer: Callable[..., SigV4Auth]) -> Callable[..., requests.PreparedRequest]:
    def prepare(
        method: str = "GET", url: str = f"https://{HOST}/prod", auth: Any = None, **parts: Any
    ) -> requests.PreparedRequest:
        return requests.Request(method, url, auth=auth or signer(), **parts).prepare()

    return prepare


@pytest.fixture(scope="session")
def new_wire() -> Callable[..., Wire]:
    return Wire


@pytest.fixture(scope="session")
def wire() -> Callable[[requests.PreparedRequest], Wire]:
    def of(r: requests.PreparedRequest) -> Wire:
        headers = {name.lower(): str(value) for name, value in r.headers.items()}
        return Wire(str(r.method), str(r.url), headers, read_all(r.body))

    return of


@pytest.fixture(scope="session")
def botocore_authorization(keys: Keys) -> Callable[..., str]:
    """Sign anew, with botocore alone, the headers that a request says are signed.

    Body hash and token are not taken from the request. With ``decoded`` the query is read as a
    server reads it, and escaped by botocore.
    """

    def authorize(
        wire: Wire,
        region: str = "eu-west-1",
        service: str = "execute-api",
        *,
        decoded: bool = False,
        keys: Keys = keys,
    ) -> str:
        request = _unsigned(wire, keys, decoded=decoded)
        judge = _judge(keys, service, region)
        text = judge.string_to_sign(request, judge.canonical_request(request))
        names = judge.signed_headers(judge.headers_to_sign(request))
        signature = judge.signature(text, request)
        scope = judge.scope(request)
        return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}"

    return authorize


def _judge(keys: Keys, service: str, region: str) -> Any:
    judge = S3SigV4Auth if service == "s3" else BotocoreSigV4Auth
    return judge(Credentials(keys.access_key, keys.secret, keys.token), service, region)


def _unsigned(wire: Wire, keys: Keys, *, decoded: bool) -> AWSRequest:
    parts = urlsplit(wire.url)
    known = {
        "x-amz-content-sha256": hashlib.sha256(wire.body).hexdigest(),
        "x-amz-security-token": keys.token,
    }
    given = {name: value for name, value in wire.headers.items() if name in wire.signed_names}
    headers = {name: known.get(name, value) for name, value in given.items()}
    request = AWSRequest(method=wire.method, url=wire.url, headers=headers, data=wire.body)
    if decoded:
        request.url = urlunsplit(parts._replace(query=""))
        pairs: Any = parse_qsl(parts.query, keep_blank_values=True, errors="strict")
        request.params = pairs
    request.context["timestamp"] = wire.headers["x-amz-date"]
    return request
