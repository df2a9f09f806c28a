"""What goes out on the wire, to the byte."""

import asyncio
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from saigon.model.interface import HttpRequest
from saigon.rest import _canonical
from saigon.rest.client import AsyncRestClient
from saigon.rest.exceptions import SigningError
from saigon.rest.sigv4 import SigV4Auth

TARGETS = [
    pytest.param("", {}, b"/", id="nothing"),
    pytest.param("/a", {"params": {"q": ["1", "1", "0"]}}, b"/a?q=1&q=1&q=0", id="repeated"),
    pytest.param(
        "/{p}",
        {"path_params": {"p": "a/b c+d%é"}, "params": {"k é": "+ &=/?"}},
        b"/a%2Fb%20c%2Bd%25%C3%A9?k%20%C3%A9=%2B%20%26%3D%2F%3F",
        id="escaped",
    ),
    pytest.param("/é/a b", {}, b"/%C3%A9/a%20b", id="unescaped"),
    pytest.param("/a%2fb%41", {}, b"/a%2FbA", id="escaped already"),
    pytest.param("/a?b=c%2F&d", {}, b"/a?b=c%2F&d", id="a query of its own"),
    pytest.param("/~_-.!$&'()*,;=:@", {}, b"/~_-.!$&'()*,;=:@", id="punctuation"),
    pytest.param("/a|b[c]{p}", {"path_params": {"p": "x"}}, b"/a%7Cb%5Bc%5Dx", id="brackets"),
]


@pytest.mark.parametrize(("path", "options", "target"), TARGETS)
def test_both_clients_send_one_target(
    twin: Any, raw_server: Any, path: str, options: Any, target: bytes
) -> None:
    outcome = twin.call(raw_server.url, "request", "GET", path, **options)
    assert outcome.error is None
    assert raw_server.target == target


def use_proxy(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", url)


def signer(url: str, now: datetime, service: str = "execute-api", **options: Any) -> SigV4Auth:
    return SigV4Auth(
        "ASIAKEY",
        "hidden",
        url.partition("//")[2],
        "eu-west-1",
        service,
        "token",
        clock=lambda: now,
        **options,
    )


def signature_of(seen: Any, service: str) -> bytes:
    """Sign what came over the wire, from its bytes alone."""
    path, _, query = seen.target.decode().partition("?")
    names = seen.headers[b"authorization"].partition(b"SignedHeaders=")[2].partition(b",")[0]
    headers = [(n.decode(), seen.headers[n].decode()) for n in names.split(b";")]
    timestamp = seen.headers[b"x-amz-date"].decode()
    request = _canonical.canonical_request(
        seen.requests[-1].partition(b" ")[0].decode(),
        _canonical.canonical_path(path, service),
        _canonical.canonical_query(query),
        headers,
        seen.headers[b"x-amz-content-sha256"].decode(),
    )
    scope = _canonical.credential_scope(timestamp, "eu-west-1", service)
    key = _canonical.signing_key("hidden", timestamp[:8], "eu-west-1", service)
    return _canonical.signature(key, timestamp, scope, request).encode()


@pytest.mark.parametrize("service", ["execute-api", "s3"])
@pytest.mark.parametrize(
    ("path", "options"), [pytest.param(*p.values[:2], id=p.id) for p in TARGETS]
)
def test_the_bytes_on_the_wire_are_those_that_were_signed(  # noqa: PLR0917  # fixtures and the table
    twin: Any, raw_server: Any, now: datetime, path: str, options: Any, service: str
) -> None:
    auth = signer(raw_server.url, now, service, extra_signed_headers=["accept"])
    outcome = twin.call(raw_server.url, "request", "GET", path, client={"auth": auth}, **options)
    assert outcome.error is None
    assert raw_server.headers[b"host"].decode() == raw_server.url.partition("//")[2]
    assert raw_server.headers[b"authorization"].endswith(signature_of(raw_server, service))


def test_keys_of_s3_keep_their_double_slashes(raw_server: Any, now: datetime) -> None:
    async def main() -> None:
        async with AsyncRestClient(
            raw_server.url, auth=signer(raw_server.url, now, "s3")
        ) as client:
            await client.request("GET", "/bucket/{k}", path_params={"k": "a//b"})
            with pytest.raises(SigningError):
                await client.request(
                    "GET", "/{k}", path_params={"k": "x"}, headers={"Host": "other"}
                )

    asyncio.run(main())
    assert raw_server.target == b"/bucket/a%2F%2Fb"


@pytest.mark.parametrize("by_proxy", [False, True], ids=["straight", "by a proxy"])
def test_what_was_authorized_is_sent_as_it_is(
    raw_server: Any, monkeypatch: pytest.MonkeyPatch, by_proxy: bool
) -> None:
    class Exact:
        def authorize(self, request: HttpRequest) -> HttpRequest:
            return replace(request, url=f"{request.url}a/./b//%2f?q=<'>&q=")

    async def main() -> None:
        async with AsyncRestClient(url, auth=Exact()) as client:
            await client.request("GET", "/")

    url, before = raw_server.url, b""
    if by_proxy:
        use_proxy(monkeypatch, raw_server.url)
        url, before = "http://api.example.test", b"http://api.example.test"
    asyncio.run(main())
    assert raw_server.target == before + b"/a/./b//%2f?q=<'>&q="


BODIES = [
    pytest.param(lambda: b"raw", b"raw", id="bytes"),
    pytest.param(lambda: bytearray(b"raw"), b"raw", id="bytearray"),
    pytest.param(lambda: io.BytesIO(b"file"), b"file", id="file"),
    pytest.param(io.BytesIO, b"", id="empty file"),
    pytest.param(lambda: {"a": "é"}, '{"a":"é"}'.encode(), id="JSON"),
    pytest.param(lambda: None, b"", id="nothing"),
]


@pytest.mark.parametrize("signed", [False, True], ids=["plain", "signed"])
@pytest.mark.parametrize(("make", "body"), BODIES)
def test_a_body_goes_out_with_its_length(  # noqa: PLR0917  # fixtures and the table
    twin: Any, raw_server: Any, now: datetime, make: Any, body: bytes, signed: bool
) -> None:
    client = {"auth": signer(raw_server.url, now)} if signed else {}
    outcome = twin.call(raw_server.url, "request", "PUT", "/", body=make(), client=client)
    assert outcome.error is None
    assert raw_server.body == body
    assert raw_server.headers[b"content-length"] == str(len(body)).encode()
    assert b"transfer-encoding" not in raw_server.headers


def test_a_signed_iterator_goes_out_with_its_length(
    twin: Any, raw_server: Any, now: datetime
) -> None:
    def parts() -> Iterator[bytes]:
        yield b"ab"
        yield b"c"

    auth = signer(raw_server.url, now)
    outcome = twin.call(raw_server.url, "request", "PUT", "/", body=parts(), client={"auth": auth})
    assert outcome.error is None
    assert (raw_server.body, raw_server.headers[b"content-length"]) == (b"abc", b"3")


def test_nothing_is_added_to_what_is_meant(twin: Any, raw_server: Any) -> None:
    outcome = twin.call(raw_server.url, "request", "GET", "/", headers={"X-Own": "\xe9"})
    assert outcome.error is None
    assert raw_server.headers.keys() == {
        b"host",
        b"accept",
        b"accept-encoding",
        b"connection",
        b"user-agent",
        b"x-own",
    }
    assert raw_server.headers[b"accept-encoding"].startswith(b"gzip, deflate")
    assert raw_server.headers[b"user-agent"].startswith(b"saigon-rest/")
    assert raw_server.headers[b"x-own"] == b"\xe9"


def test_a_delete_without_a_body_says_so(twin: Any, raw_server: Any) -> None:
    twin.call(raw_server.url, "delete_resource", "/a")
    assert raw_server.headers[b"content-length"] == b"0"


def test_a_proxy_of_the_environment_gets_the_whole_url(
    twin: Any, raw_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_proxy(monkeypatch, raw_server.url)
    outcome = twin.call("http://api.example.test", "request", "GET", "/a%2Fb?q=%2F&q=1")
    assert outcome.error is None
    assert raw_server.target == b"http://api.example.test/a%2Fb?q=%2F&q=1"
    assert raw_server.headers[b"host"] == b"api.example.test"


def test_certificates_are_those_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing"))
    with pytest.raises(FileNotFoundError):
        AsyncRestClient("https://x")
