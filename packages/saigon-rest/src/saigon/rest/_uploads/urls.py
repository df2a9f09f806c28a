"""What a pre-signed URL tells of itself, read before anything is sent to it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from saigon.rest._canonical import DATE_FORMAT
from saigon.rest._uploads.permissions import refuse_expired, refuse_no_place
from saigon.rest.exceptions import PresignedUrlError

_SENT_ANYWAY: Final = frozenset({"host", "content-length"})
_OF_THE_FILE: Final = frozenset({"x-amz-content-sha256"})
_V4_MARKS: Final = frozenset({"x-amz-signature", "x-amz-date", "x-amz-expires"})
_UNSENDABLE: Final = {
    "authorization": "the URL is the permission; S3 refuses a second one",
    "transfer-encoding": "the file is sent with its length",
}


def check_url(url: str, headers: Mapping[str, str], now: datetime) -> Mapping[str, str]:
    """Refuse a pre-signed URL that has expired or was signed for other headers than are sent.

    Of a URL signed with version 2 only the expiry can be told: its signature covers the content
    type and the ``x-amz-*`` headers without naming them.

    Returns:
        What S3 takes of its query for a header of the file, by names in lower case. That is no
        ``x-amz-checksum-*``: some SDKs sign that of an empty file, and S3 looks at none there.

    Raises:
        PresignedUrlError: It would be answered with 403.

    See Also:
        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
        https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
    """
    refuse_no_place(url)
    query = {
        name.lower(): value
        for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True)
    }
    given = frozenset(name.lower() for name in headers)
    _refuse_unsendable(given)
    if not _V4_MARKS.isdisjoint(query):
        refuse_expired(_v4_expiry(query), now)
        _check_signed(query.get("x-amz-signedheaders", "host"), given)
    elif {"signature", "expires"} <= query.keys():
        refuse_expired(_v2_expiry(query["expires"]), now)
    return {name: query[name] for name in _OF_THE_FILE & query.keys()}


def _refuse_unsendable(given: frozenset[str]) -> None:
    for name, reason in _UNSENDABLE.items():
        if name in given:
            raise PresignedUrlError(f"expected no header {name!r}: {reason}")


def _v4_expiry(query: Mapping[str, str]) -> datetime:
    try:
        issued = datetime.strptime(query["x-amz-date"], DATE_FORMAT).replace(tzinfo=UTC)
        return issued + timedelta(seconds=_whole(query["x-amz-expires"]))
    except (KeyError, ValueError, OverflowError):
        error = PresignedUrlError("the URL's date or expiry is missing or malformed")
    raise error


def _v2_expiry(value: str) -> datetime:
    try:
        return datetime.fromtimestamp(_whole(value), UTC)
    except (ValueError, OverflowError, OSError):
        error = PresignedUrlError("the URL's expiry is malformed")
    raise error


def _whole(value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise ValueError
    return int(value)


def _check_signed(value: str, given: frozenset[str]) -> None:
    signed = frozenset(value.lower().split(";"))
    if missing := sorted(signed - given - _SENT_ANYWAY):
        raise PresignedUrlError(
            f"the URL was signed with the headers {missing}: give them with the values signed"
        )
    if extra := sorted(name for name in given - signed if name.startswith("x-amz-")):
        raise PresignedUrlError(
            f"the URL was not signed with the headers {extra}: S3 takes none that was not"
        )
