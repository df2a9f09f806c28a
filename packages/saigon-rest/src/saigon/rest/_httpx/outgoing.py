"""From a call to the request that goes out: what was authorized, byte for byte."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from requests import PreparedRequest
from requests import exceptions as foreign
from requests.structures import CaseInsensitiveDict

from saigon.model.interface import HttpRequest
from saigon.rest._calls.bodies import CHUNK
from saigon.rest._calls.call import Call
from saigon.rest._signing.hosts import wire_host
from saigon.rest.exceptions import InvalidRequestError

_BODILESS: Final = frozenset({"GET", "HEAD"})


def request_of(call: Call, defaults: Mapping[str, str]) -> HttpRequest:
    """Give a call as the request to authorize.

    Args:
        call: The call.
        defaults: Headers that the call does not name.

    Raises:
        InvalidRequestError: The URL cannot be one.
    """
    headers = CaseInsensitiveDict[str](defaults)
    headers.update(call.headers)
    body = call.body.encode() if isinstance(call.body, str) else call.body
    length = _length(body)
    if length is not None:
        headers["Content-Length"] = str(length)
    elif body is not None:
        headers["Transfer-Encoding"] = "chunked"
    elif call.method not in _BODILESS:
        headers["Content-Length"] = "0"
    return HttpRequest(call.method, _prepared(call.url), dict(headers), body)


def _length(body: Any) -> int | None:
    return len(body) if hasattr(body, "__len__") else None


def _prepared(url: str) -> str:
    # As the other client does it, so that one URL is one target on the wire.
    prepared = PreparedRequest()
    try:
        prepared.prepare_url(url, None)
    except foreign.RequestException as exc:
        name = type(exc).__name__
    else:
        return str(prepared.url)
    raise InvalidRequestError(f"the URL cannot be one: {name}")


def sendable(
    request: HttpRequest, *, timeout: Mapping[str, float], cookies: httpx.Cookies
) -> httpx.Request:
    """Make what ``httpx`` sends.

    Args:
        request: The request, authorized.
        timeout: The seconds of each kind.
        cookies: Those that the request carries.

    Raises:
        InvalidRequestError: An authorizer gave what HTTP cannot send.
    """
    if not request.url.isascii():
        raise InvalidRequestError("an authorizer gave a URL that HTTP cannot send")
    sent = httpx.Request(
        request.method,
        url := _WireUrl(request.url),
        headers=_encoded({"Host": url.wire_host}, request.headers),
        content=_content(request.body),
        cookies=cookies,
        extensions={"timeout": timeout},
    )
    sent.url = url
    return sent


class _WireUrl(httpx.URL):
    """A URL that goes out as it was authorized, where httpx would write its own form of it.

    An extension of httpx, ``target``, does the same, but not by way of a proxy.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._parts = urlsplit(url)

    @property
    def wire_host(self) -> str:
        """What stands in the ``Host`` header."""
        return wire_host(self._parts)

    @property
    def raw_path(self) -> bytes:
        """What is asked for."""
        path, query = self._parts.path or "/", self._parts.query
        return (f"{path}?{query}" if query else path).encode("ascii")


def _encoded(*headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    merged = CaseInsensitiveDict[str]()
    for some in headers:
        merged.update(some)
    try:
        return [(n.encode("ascii"), v.encode("latin-1")) for n, v in merged.items()]
    except UnicodeEncodeError:
        """Whose text holds the value."""
    raise InvalidRequestError("an authorizer gave a header that HTTP cannot send")


def _content(body: Any) -> bytes | AsyncIterator[bytes] | None:
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, (bytearray, str)):
        return body.encode() if isinstance(body, str) else bytes(body)
    return _read(body) if hasattr(body, "read") else _drawn(body)


async def _read(body: Any) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(body.read, CHUNK):
        yield chunk


async def _drawn(body: Iterable[bytes]) -> AsyncIterator[bytes]:
    items = iter(body)
    while (item := await asyncio.to_thread(next, items, None)) is not None:
        yield item
