"""One name of a queue, whichever of its URLs it is addressed by."""

import re
from typing import Final
from urllib.parse import urlsplit

_AWS: Final = re.compile(r"\.amazonaws\.com(?:\.cn)?$|\.api\.aws$")
_REGION: Final = re.compile(r"(?:^|\.)([a-z]{2}(?:-[a-z]+)+-\d)\.")
_FIRST_REGION: Final = "us-east-1"  # whose first endpoint, queue.amazonaws.com, does not name it


def queue_id(url: str) -> str:
    """Return region, account and name; outside of AWS the host instead of the region.

    See Also:
        https://docs.aws.amazon.com/general/latest/gr/sqs-service.html
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not _AWS.search(host):
        return f"{parts.netloc}{parts.path}"
    region = _REGION.search(host)
    return f"{region[1] if region else _FIRST_REGION}{parts.path}"
