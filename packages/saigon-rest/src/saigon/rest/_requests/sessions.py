"""Sessions of ``requests`` that keep nothing of one call for the next but the connection."""

import os
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
from requests.cookies import RequestsCookieJar

from saigon.rest import __version__
from saigon.rest._calls.decoding import ACCEPTED
from saigon.rest._requests.connections import KeepingAdapter

# How many connections are kept; as many threads as wish may call.
POOL_SIZE: Final = 64

_ORIGINS_REMEMBERED: Final = 64


def new_session() -> requests.Session:
    """Make a session with a pool of connections and a cookie jar that takes nothing."""
    return _Session()


def send_unfollowed(
    session: requests.Session, request: requests.PreparedRequest, **options: Any
) -> requests.Response:
    """Send a request, and leave it at the answer that comes.

    ``requests`` would look where an answer leads even if it is not to go there: read all of it,
    and fail on what is no URL. So it is not shown where.
    """
    hidden: list[str] = []

    def hide(response: requests.Response, **_: Any) -> None:
        if "Location" in response.headers:
            hidden.append(response.headers.pop("Location"))

    request.hooks["response"].append(hide)
    response = session.send(request, allow_redirects=False, **options)
    if hidden:
        response.headers["Location"] = hidden[0]
    return response


class _Session(requests.Session):
    """What is the same for all calls is looked up once: proxies and certificates stay as they are.

    A process that was forked starts with no connection: two that write on one mix up their calls.
    """

    def __init__(self) -> None:
        super().__init__()
        # One user's cookies must not reach the next.
        self.cookies = RequestsCookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
        self.headers["User-Agent"] = f"saigon-rest/{__version__}"
        self.headers["Accept-Encoding"] = ACCEPTED
        self._environments: dict[str, Any] = {}
        self._left_behind: list[object] = []
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        adapter = KeepingAdapter(pool_connections=4, pool_maxsize=POOL_SIZE)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Prepare a request: no cookies, nothing out of ``~/.netrc``."""
        prepared = requests.PreparedRequest()
        prepared.prepare_method(request.method)
        prepared.prepare_url(str(request.url), None)
        prepared.prepare_headers({**self.headers, **(request.headers or {})})
        prepared.prepare_body(request.data, None)
        prepared.prepare_auth(request.auth, str(request.url))
        return prepared

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """Look for proxies and certificates, once for each origin."""
        key = "/".join(str(url).split("/", 3)[:3])
        found = self._environments.get(key)
        if found is None:
            found = super().merge_environment_settings(url, proxies, stream, verify, cert)
            if len(self._environments) >= _ORIGINS_REMEMBERED:
                self._environments.clear()
            self._environments[key] = found
        return found

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request, never over a connection of the process that this one was forked from."""
        if self._process != os.getpid():
            # Not closed, nor let go: what closes them waits for locks that nobody here will open.
            self._left_behind.append(dict(self.adapters))
            self._start()
        return super().send(request, **options)
