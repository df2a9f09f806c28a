"""Where an upload goes: what is no URL, or would be called by another one than was signed."""

import re
from typing import Final
from urllib.parse import urlsplit

from saigon.rest._calls.urls import origin
from saigon.rest.exceptions import InvalidRequestError, PresignedUrlError

_DOT_SEGMENT: Final = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)


def refuse_no_place(url: str) -> None:
    """Refuse what is no URL of a server.

    Raises:
        PresignedUrlError: It is none, carries a user, or has a segment ``.`` or ``..``, which
            would be folded into another object's URL.
    """
    if not _is_url(url):
        raise PresignedUrlError("expected an http(s) URL without a user")
    if _DOT_SEGMENT.search(urlsplit(url).path):
        raise PresignedUrlError("the URL's path has a segment '.' or '..', which cannot be sent")


def _is_url(url: str) -> bool:
    try:
        scheme, host, _ = origin(url)
    except InvalidRequestError:
        return False
    return scheme in {"http", "https"} and bool(host) and "@" not in urlsplit(url).netloc
