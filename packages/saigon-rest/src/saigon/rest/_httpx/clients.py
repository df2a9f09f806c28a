"""Clients of ``httpx`` that keep nothing of one call for the next but the connection."""

from collections.abc import Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx

from saigon.rest import __version__
from saigon.rest._calls.decoding import ACCEPTED
from saigon.rest._httpx.certificates import tls_context

# httpx looks at each idle connection for each call, so that many would slow down all calls; and it
# closes at once what is above the number to keep, however busy, so that all are kept.
POOL_SIZE: Final = 32
# Below the minute after which AWS's load balancers close what is idle: a connection that they
# are just closing would lose the call that it is taken for.
KEEP_ALIVE: Final = 50.0

_LOCATION: Final = "saigon_rest_location"


def new_client() -> httpx.AsyncClient:
    """Make a client with a pool of connections and a cookie jar that takes nothing."""
    return httpx.AsyncClient(
        headers={"User-Agent": f"saigon-rest/{__version__}", "Accept-Encoding": ACCEPTED},
        # One user's cookies must not reach the next.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        limits=httpx.Limits(
            max_connections=POOL_SIZE,
            max_keepalive_connections=POOL_SIZE,
            keepalive_expiry=KEEP_ALIVE,
        ),
        verify=tls_context(),
        event_hooks={"response": [_hide_location]},
    )


async def _hide_location(response: httpx.Response) -> None:
    # httpx would look where it leads, and fail on what is no URL.
    if "Location" in response.headers:
        hidden = [pair for pair in response.headers.raw if pair[0].lower() == b"location"]
        response.extensions[_LOCATION] = hidden
        del response.headers["Location"]


def headers_of(response: httpx.Response) -> Iterable[tuple[bytes, bytes]]:
    """Give all headers as they came, with the one that was hidden from httpx."""
    return (*response.headers.raw, *response.extensions.get(_LOCATION, ()))
