"""What the URL of a queue says of it."""

import re
from typing import Final
from urllib.parse import urlsplit

from saigon.aws.sqs.exceptions import ForwarderConfigError

_AWS: Final = re.compile(r"\.amazonaws\.com(?:\.cn)?$|\.api\.aws$")
_REGION: Final = re.compile(r"(?:^|\.)([a-z]{2}(?:-[a-z]+)+-\d)\.")
_FIRST_REGION: Final = "us-east-1"  # whose first endpoint, queue.amazonaws.com, does not name it


def check_queue_url(url: str) -> str:
    """Return the URL of a queue.

    Raises:
        ForwarderConfigError: It is none.
    """
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in {"http", "https"} and bool(
            parts.hostname and parts.path.strip("/")
        )
    except ValueError:
        is_url = False
    if not is_url:
        raise ForwarderConfigError(f"expected the URL of a queue, got {url!r}")
    return url


def queue_id(url: str) -> str:
    """Return region, account and name; outside of AWS the host instead of the region.

    See Also:
        https://docs.aws.amazon.com/general/latest/gr/sqs-service.html
    """
    parts = urlsplit(url)
    if not _is_aws(url):
        return f"{parts.netloc}{parts.path}"
    return f"{region_of(url) or _FIRST_REGION}{parts.path}"


def region_of(url: str) -> str | None:
    """Return the region that a queue's URL names."""
    region = _REGION.search(urlsplit(url).hostname or "")
    return region[1] if region else None


def endpoint_of(url: str) -> str | None:
    """Return the server of a queue that is not AWS's."""
    parts = urlsplit(url)
    return None if _is_aws(url) else f"{parts.scheme}://{parts.netloc}"


def _is_aws(url: str) -> bool:
    return bool(_AWS.search(urlsplit(url).hostname or ""))
