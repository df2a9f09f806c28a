"""Sessions of ``requests`` that keep nothing of one call for the next but the connection."""

from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.cookies import RequestsCookieJar

from saigon.model.interface import HttpRequest, RequestAuthorizer
from saigon.rest import __version__
from saigon.rest._calls.bodies import is_rewindable

POOL_SIZE = 32


def new_session() -> requests.Session:
    """Make a session with a pool of connections and a cookie jar that takes nothing."""
    session = _Session()
    # One user's cookies must not reach the next.
    session.cookies = RequestsCookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = f"saigon-rest/{__version__}"
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=POOL_SIZE)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002  # the base's
        """Find none: ``requests`` would look where it leads, and fail on what is no URL."""
        return None


class FinishingAuth(AuthBase):
    """The last hand on a request: its length, then its authorization.

    It is there also where nothing authorizes, because ``requests`` would else look into
    ``~/.netrc`` for a password to send.
    """

    def __init__(self, auth: AuthBase | RequestAuthorizer | None) -> None:
        self._auth = auth

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        _never_chunk_an_empty_file(r)
        if isinstance(self._auth, AuthBase):
            return self._auth(r)
        if self._auth is not None:
            _apply(self._auth, r)
        return r


def _never_chunk_an_empty_file(r: requests.PreparedRequest) -> None:
    # requests takes a length of 0 for an unknown one; S3 refuses chunked bodies.
    if "Transfer-Encoding" in r.headers and is_rewindable(r.body):
        del r.headers["Transfer-Encoding"]
        r.headers["Content-Length"] = "0"
        r.body = b""


def _apply(authorizer: RequestAuthorizer, r: requests.PreparedRequest) -> None:
    body = r.body.encode() if isinstance(r.body, str) else r.body
    request = HttpRequest(
        method=str(r.method),
        url=str(r.url),
        headers=dict(r.headers),
        body=body,
    )
    authorized = authorizer.authorize(request)
    r.method, r.url, r.body = authorized.method, authorized.url, authorized.body  # type: ignore[assignment]  # requests' stubs know no file bodies
    r.headers.clear()
    r.headers.update(authorized.headers)
