"""When permissions end."""

from datetime import datetime

from saigon.rest.exceptions import PresignedUrlError


def refuse_expired(expiry: datetime, now: datetime) -> None:
    """Refuse what has expired.

    Raises:
        PresignedUrlError: It has.
    """
    if now >= expiry:
        raise PresignedUrlError(f"it expired at {expiry.isoformat()}; ask for a new one")
