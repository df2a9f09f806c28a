"""What a pre-signed URL or form tells of itself, read before anything is sent to it."""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from saigon.rest._calls.urls import origin
from saigon.rest._canonical import DATE_FORMAT
from saigon.rest.exceptions import InvalidRequestError, PresignedUrlError

_SENT_ANYWAY: Final = frozenset({"host", "content-length"})
_PAIR: Final = 2


def check_url(url: str, headers: Mapping[str, str], now: datetime) -> None:
    """Refuse a pre-signed URL that has expired or was signed with headers that are not sent.

    Raises:
        PresignedUrlError: It would be answered with 403.
    """
    _refuse_no_url(url)
    query = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
    _refuse_expired(_url_expiry(query), now)
    given = {name.lower() for name in headers} | _SENT_ANYWAY
    signed = query.get("x-amz-signedheaders", "host").split(";")
    if missing := sorted(set(signed) - given):
        raise PresignedUrlError(
            f"the URL was signed with the headers {missing}: give them with the values signed"
        )


def _refuse_no_url(url: str) -> None:
    try:
        scheme, host, _ = origin(url)
    except InvalidRequestError:
        scheme, host = "", ""
    if scheme not in {"http", "https"} or not host:
        raise PresignedUrlError("expected an http(s) URL")


def _url_expiry(query: Mapping[str, str]) -> datetime | None:
    try:
        if "x-amz-expires" in query and "x-amz-date" in query:
            issued = datetime.strptime(query["x-amz-date"], DATE_FORMAT).replace(tzinfo=UTC)
            return issued + timedelta(seconds=int(query["x-amz-expires"]))
        if "expires" in query:
            return datetime.fromtimestamp(int(query["expires"]), UTC)
    except (ValueError, OverflowError, OSError):
        raise PresignedUrlError("the URL's date or expiry is malformed") from None
    return None


def _refuse_expired(expiry: datetime | None, now: datetime) -> None:
    if expiry is not None and now >= expiry:
        raise PresignedUrlError(f"it expired at {expiry.isoformat()}; ask for a new one")


def check_form(url: str, fields: Mapping[str, str], now: datetime) -> None:
    """Refuse a pre-signed form whose policy has expired or asks for another content type.

    Raises:
        PresignedUrlError: It would be answered with 403.
    """
    _refuse_no_url(url)
    given = {name.lower(): value for name, value in fields.items()}
    if "policy" not in given:
        return
    policy = _policy(given["policy"])
    _refuse_expired(_policy_expiry(policy), now)
    for name, wanted in _exact_conditions(policy.get("conditions", ())):
        if name == "content-type" and given.get(name) != wanted:
            raise PresignedUrlError(f"the form was signed for the content type {wanted!r}")


def _policy(value: str) -> Mapping[str, Any]:
    try:
        policy = json.loads(base64.b64decode(value, validate=True))
    except (binascii.Error, ValueError):
        policy = None
    if not isinstance(policy, dict):
        raise PresignedUrlError("the form's policy is malformed")
    return policy


def _policy_expiry(policy: Mapping[str, Any]) -> datetime | None:
    try:
        expiry = datetime.fromisoformat(policy["expiration"])
    except KeyError:
        return None
    except (TypeError, ValueError):
        raise PresignedUrlError("the expiration in the form's policy is malformed") from None
    return expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)


def _exact_conditions(conditions: Iterable[Any]) -> Iterable[tuple[str, str]]:
    for condition in conditions:
        if isinstance(condition, dict):
            yield from ((str(name).lower(), str(value)) for name, value in condition.items())
        elif isinstance(condition, list) and condition[:1] == ["eq"] and len(condition) > _PAIR:
            yield str(condition[1]).removeprefix("$").lower(), str(condition[2])
