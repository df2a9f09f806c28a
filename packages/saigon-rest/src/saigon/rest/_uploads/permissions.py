"""What holds of any permission to upload, whether it is a URL or a form."""

import re
from datetime import datetime
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


def refuse_expired(expiry: datetime, now: datetime) -> None:
    """Refuse what has expired.

    Raises:
        PresignedUrlError: It has.
    """
    if now >= expiry:
        raise PresignedUrlError(
            f"it expired at {expiry.isoformat()}, and here it is {now.isoformat()}: ask for a new"
            " one, or set the clock right"
        )


def _is_url(url: str) -> bool:
    try:
        scheme, host, _ = origin(url)
    except InvalidRequestError:
        return False
    return scheme in {"http", "https"} and bool(host) and "@" not in urlsplit(url).netloc
