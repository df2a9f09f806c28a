"""The last hand on a request of ``requests`` before it goes out."""

from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from saigon.model.interface import HttpRequest, RequestAuthorizer
from saigon.rest._calls.bodies import is_rewindable
from saigon.rest._calls.call import refuse_unsendable_headers
from saigon.rest._calls.urls import origin
from saigon.rest.exceptions import InvalidRequestError


class FinishingAuth(AuthBase):
    """Give a request its length, then its authorization.

    It is there also where nothing authorizes, because ``requests`` would else look into
    ``~/.netrc`` for a password to send.

    Args:
        auth: What authorizes: an authorizer, or whatever a session of ``requests`` may have.
    """

    def __init__(self, auth: Any) -> None:
        self._auth = HTTPBasicAuth(*auth) if isinstance(auth, tuple) else auth

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        _never_chunk_an_empty_file(r)
        if self._auth is None:
            return r
        url = str(r.url)
        authorized = self._authorized(r)
        if authorized.url != url and origin(str(authorized.url)) != origin(url):
            raise InvalidRequestError("what authorizes the call leads it to another origin")
        refuse_unsendable_headers(authorized.headers)
        return authorized

    def _authorized(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        if isinstance(self._auth, AuthBase) or not isinstance(self._auth, RequestAuthorizer):
            prepared: requests.PreparedRequest = self._auth(r)
            return prepared
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
