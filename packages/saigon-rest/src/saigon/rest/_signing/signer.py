"""The signer, which knows no HTTP library: it takes what goes out and gives what signs it."""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from pydantic import SecretStr

from saigon.rest import _canonical
from saigon.rest._calls.answers import Answer
from saigon.rest._calls.rejections import is_signature_rejection
from saigon.rest._calls.retry import http_date
from saigon.rest._signing.aws_requests_auth import derive_key
from saigon.rest._signing.hosts import known_as, wire_host
from saigon.rest.exceptions import SigningError

_logger = logging.getLogger(__name__)

_SKEW_WORTH_RESIGNING: Final = timedelta(minutes=2)
# No clock is that far off; a date that is would take ours out of the range of dates.
_SKEW_OF_NO_CLOCK: Final = timedelta(days=36525)
SIGNATURE_HEADERS: Final = frozenset(
    {"authorization", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"}
)
_SAFE_VALUE: Final = re.compile(r"[\x20-\x7e\t]*")


@dataclass(frozen=True, slots=True)
class SigningCredentials:
    """The three values that sign a request, as one."""

    access_key_id: str
    secret_access_key: SecretStr
    session_token: SecretStr | None = None


class Signer:
    """Sign requests to one host for one region and service."""

    def __init__(
        self,
        host: str,
        region: str,
        service: str,
        *,
        extra_signed_headers: Iterable[str],
        clock: Callable[[], datetime],
    ) -> None:
        self.host = host.lower()
        self.region = region
        self.service = service
        self._signed_names = frozenset(
            {"host", "content-type", *(name.lower() for name in extra_signed_headers)}
        )
        self._clock = clock
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the present time, by the server's clock where ours is known to be off."""
        return self._clock() + self._offset if self._offset else self._clock()

    def wire_url(self, url: str, headers: Mapping[str, str]) -> str:
        """Return the URL to send: escaped in the one form that is signed.

        Raises:
            SigningError: The host is another one, or a key of S3 begins with ``/``.
        """
        parts = urlsplit(url)
        self._refuse_other_host(parts, headers)
        path = _canonical.wire_path(parts.path, self.service)
        if path.startswith("//"):
            raise SigningError("a key that begins with '/' cannot be sent: it would be folded")
        query = _canonical.wire_query(parts.query) if parts.query else ""
        if (path, query, "") == parts[2:]:
            return url
        return urlunsplit((parts.scheme, parts.netloc, path, query, ""))

    def sign(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        payload_hash: str,
        *,
        access_key_id: str,
        secret_access_key: str,
        session_token: str | None,
    ) -> dict[str, str]:
        """Return the headers that sign a request.

        Args:
            method: The HTTP method.
            url: The URL from ``wire_url``.
            headers: The headers to send.
            payload_hash: Hexadecimal SHA-256 of the body.
            access_key_id: The access key id.
            secret_access_key: The secret.
            session_token: The session token of temporary credentials.

        Raises:
            SigningError: A signed header holds a control or non-ASCII character.
        """
        timestamp = _timestamp(self.now())
        parts = urlsplit(url)
        added = {"X-Amz-Date": timestamp, "X-Amz-Content-SHA256": payload_hash}
        if session_token:
            added["X-Amz-Security-Token"] = session_token
        signed = self._headers_to_sign(headers, parts, added)
        request = _canonical.canonical_request(
            method,
            _canonical.canonical_path(parts.path, self.service),
            _canonical.canonical_query(parts.query) if parts.query else "",
            signed,
            payload_hash,
        )
        scope = _canonical.credential_scope(timestamp, self.region, self.service)
        key = _derived_key(secret_access_key, timestamp[:8], self.region, self.service)
        signature = _canonical.signature(key, timestamp, scope, request)
        added["Authorization"] = (
            f"{_canonical.ALGORITHM} Credential={access_key_id}/{scope}, "
            f"SignedHeaders={_canonical.signed_names(signed)}, Signature={signature}"
        )
        return added

    def recover(self, answer: Answer) -> bool:
        """Take over the server's clock if a rejected signature is explained by ours.

        Returns:
            True if the request is worth signing and sending once more.
        """
        if not is_signature_rejection(answer):
            return False
        server = http_date(answer.headers.get("Date", ""))
        if server is None:
            return False
        skew = server - self._clock()
        # What the request was signed with: another call may have put the clock right meanwhile.
        signed = _signed_at(answer) or self.now()
        if abs(server - signed) <= _SKEW_WORTH_RESIGNING or abs(skew) > _SKEW_OF_NO_CLOCK:
            return False
        self._take_over(skew)
        return True

    def _take_over(self, skew: timedelta) -> None:
        if abs(skew - self._offset) > _SKEW_WORTH_RESIGNING:
            side = "behind" if skew > timedelta() else "ahead of"
            seconds = abs(skew).total_seconds()
            _logger.warning("this machine's clock is %.0f s %s the server's", seconds, side)
            self._offset = skew

    def _refuse_other_host(self, parts: SplitResult, headers: Mapping[str, str]) -> None:
        host = _host_of(parts, headers).lower()
        if known_as(self.host, parts.scheme) != known_as(host, parts.scheme):
            raise SigningError(f"signs for {self.host}, but the request goes to {host}")

    def _headers_to_sign(
        self, headers: Mapping[str, str], parts: SplitResult, added: dict[str, str]
    ) -> list[tuple[str, str]]:
        values = {
            "host": _signed_value("host", _host_of(parts, headers)),
            "x-amz-content-sha256": added["X-Amz-Content-SHA256"],
            "x-amz-date": added["X-Amz-Date"],
        }
        if token := added.get("X-Amz-Security-Token"):
            values["x-amz-security-token"] = _signed_value("x-amz-security-token", token)
        for name, value in headers.items():
            lower = name.lower()
            is_signed = lower in self._signed_names or lower.startswith("x-amz-")
            if is_signed and lower not in SIGNATURE_HEADERS and lower != "host":
                values[lower] = _signed_value(lower, value)
        return sorted(values.items())


def _timestamp(moment: datetime) -> str:
    # As DATE_FORMAT writes it, in a third of the time.
    text = moment.astimezone(UTC).isoformat(timespec="seconds")
    return f"{text[:19].replace('-', '').replace(':', '')}Z"


def _signed_at(answer: Answer) -> datetime | None:
    try:
        text = answer.sent_headers["X-Amz-Date"]
        return datetime.strptime(text, _canonical.DATE_FORMAT).replace(tzinfo=UTC)
    except (KeyError, ValueError):
        return None


def _host_of(parts: SplitResult, headers: Mapping[str, str]) -> str:
    return _text(headers.get("Host") or wire_host(parts))


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _signed_value(name: str, value: str | bytes) -> str:
    text = _text(value)
    if not _SAFE_VALUE.fullmatch(text):
        raise SigningError(f"the header {name!r} holds a control or non-ASCII character")
    return _canonical.fold(text)


@lru_cache(maxsize=128)
def _derived_key(secret: str, date: str, region: str, service: str) -> bytes:
    return derive_key(secret, date, region, service)
