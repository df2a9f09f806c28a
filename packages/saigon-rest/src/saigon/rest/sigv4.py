"""Sign requests with AWS Signature Version 4: what is signed is what goes out on the wire.

Needs the extra ``[aws]``.
"""

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from pydantic import SecretStr
from requests import PreparedRequest, Response

from saigon.rest import _canonical
from saigon.rest._signing.aws_requests_auth import AWSRequestsAuth, derive_key
from saigon.rest._calls.bodies import settle
from saigon.rest._credentials import AwsCredentials
from saigon.rest._calls.rejections import is_signature_rejection
from saigon.rest._calls.retry import http_date
from saigon.rest.exceptions import ConfigurationError, SigningError

__all__ = [
    "AwsCredentials",
    "SigV4Auth",
    "SigningCredentials",
    "region_and_service",
]

_logger = logging.getLogger(__name__)

_SKEW_WORTH_RESIGNING: Final = timedelta(minutes=2)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_OURS: Final = ("Authorization", "X-Amz-Date", "X-Amz-Content-SHA256", "X-Amz-Security-Token")
_OURS_LOWER: Final = frozenset(name.lower() for name in _OURS)
_SAFE_VALUE: Final = re.compile(r"[\x20-\x7e\t]*")
_REGION: Final = r"(?P<region>[a-z]{2}(?:-[a-z0-9]+)+-[0-9]+)"
_HOSTS: Final = (
    (re.compile(rf".+\.execute-api\.{_REGION}(?:\.vpce)?\.amazonaws\.com(?:\.cn)?"), "execute-api"),
    (
        re.compile(rf".+\.execute-api\.{_REGION}\.api\.(?:aws|amazonwebservices\.com\.cn)"),
        "execute-api",
    ),
    (re.compile(rf".+\.lambda-url\.{_REGION}\.on\.aws"), "lambda"),
)


@dataclass(frozen=True, slots=True)
class SigningCredentials:
    """The three values that sign a request, as one."""

    access_key_id: str
    secret_access_key: SecretStr
    session_token: SecretStr | None = None


def region_and_service(host: str) -> tuple[str, str] | None:
    """Read the region and the service out of an AWS host name, or None if they are not in it.

    Args:
        host: The host with or without a port: of an API Gateway API, also behind a VPC endpoint
            or in China, or of a Lambda function URL.
    """
    name = _hostname(host)
    for pattern, service in _HOSTS:
        if match := pattern.fullmatch(name):
            return match["region"], service
    return None


@lru_cache(maxsize=128)
def _hostname(host: str) -> str:
    return (urlsplit(f"//{host}").hostname or "").lower()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SigV4Auth(AWSRequestsAuth):
    """Sign each request of ``requests`` for AWS.

    The URL is rewritten to the form that is signed, the body to one whose bytes are known, and
    ``X-Amz-Content-SHA256`` is sent and signed.

    Args:
        aws_access_key: The access key id.
        aws_secret_access_key: The secret access key.
        aws_host: The host that requests go to, with its port where that is not the scheme's own;
            a request to any other host is refused.
        aws_region: The region, read from the host by default.
        aws_service: The signing name of the service, read from the host by default.
        aws_token: The session token of temporary credentials.
        credentials: Called once for each signature instead of the three values above.
        extra_signed_headers: Headers to sign beside ``host``, ``content-type`` and every
            ``x-amz-*``. Proxies rewrite headers; one that is signed then breaks the signature.
        clock: Returns the present time, aware.

    Raises:
        ConfigurationError: Region or service are not in the host and were not given, several
            regions are named (SigV4a), or the credentials are missing or given twice.

    See Also:
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """

    aws_host: str
    aws_region: str
    service: str

    def __init__(  # noqa: PLR0917  # the base's arguments, in its order
        self,
        aws_access_key: str = "",
        aws_secret_access_key: str | SecretStr = "",
        aws_host: str = "",
        aws_region: str | None = None,
        aws_service: str | None = None,
        aws_token: str | SecretStr | None = None,
        *,
        credentials: Callable[[], AwsCredentials] | None = None,
        extra_signed_headers: Iterable[str] = (),
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        # The base's constructor would keep the three values apart and writable one by one.
        self._credentials = credentials or _fixed(aws_access_key, aws_secret_access_key, aws_token)
        if credentials is not None and aws_access_key:
            raise ConfigurationError("expected either keys or a credentials callable, got both")
        self.aws_host = aws_host.lower()
        self.aws_region, self.service = _scope_of(aws_host, aws_region, aws_service)
        self._signed_names = frozenset(
            {"host", "content-type", *(name.lower() for name in extra_signed_headers)}
        )
        self._clock = clock
        self._offset = timedelta()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.aws_host!r}, {self.aws_region!r}, {self.service!r})"

    @property
    def aws_access_key(self) -> str:
        """The access key id that the next request would be signed with."""
        return self._credentials().access_key_id

    @property
    def aws_secret_access_key(self) -> str:
        """The secret that the next request would be signed with."""
        return self._credentials().secret_access_key.get_secret_value()

    @property
    def aws_token(self) -> str | None:
        """The session token that the next request would carry."""
        return _reveal(self._credentials().session_token)

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Rewrite the request to what is signed, and sign it.

        Raises:
            SigningError: The host is another one, a key of S3 begins with ``/``, the body is a
                text-mode file, or a signed header holds a control or non-ASCII character.
        """
        parts = urlsplit(str(r.url))
        self._refuse_other_host(r, parts)
        for name in _OURS:
            r.headers.pop(name, None)
        r.url = self._wire_url(parts)
        r.headers.update(self.get_aws_request_headers_handler(r))
        return r

    def get_aws_request_headers_handler(self, r: PreparedRequest) -> dict[str, str]:
        """Sign with the credentials of this moment; override it to sign with others."""
        credentials = self._credentials()
        return self.get_aws_request_headers(
            r=r,
            aws_access_key=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key.get_secret_value(),
            aws_token=_reveal(credentials.session_token),
        )

    def get_aws_request_headers(
        self,
        r: PreparedRequest,
        aws_access_key: str,
        aws_secret_access_key: str,
        aws_token: str | None,
    ) -> dict[str, str]:
        """Return the headers that sign the request; its body is made one that can be hashed."""
        timestamp = (self._clock() + self._offset).strftime(_canonical.DATE_FORMAT)
        parts = urlsplit(str(r.url))
        added = {"X-Amz-Date": timestamp, "X-Amz-Content-SHA256": _settle_body(r)}
        if aws_token:
            added["X-Amz-Security-Token"] = aws_token
        signed = self._headers_to_sign(r, parts, added)
        request = _canonical.canonical_request(
            str(r.method),
            _canonical.canonical_path(parts.path, self.service),
            _canonical.canonical_query(parts.query) if parts.query else "",
            signed,
            added["X-Amz-Content-SHA256"],
        )
        scope = _canonical.credential_scope(timestamp, self.aws_region, self.service)
        key = _derived_key(aws_secret_access_key, timestamp[:8], self.aws_region, self.service)
        signature = _canonical.signature(key, timestamp, scope, request)
        added["Authorization"] = (
            f"{_canonical.ALGORITHM} Credential={aws_access_key}/{scope}, "
            f"SignedHeaders={_canonical.signed_names(signed)}, Signature={signature}"
        )
        return added

    def recover(self, response: Response) -> bool:
        """Take over the server's clock if a rejected signature is explained by ours.

        Returns:
            True if the request is worth signing and sending once more.
        """
        if not is_signature_rejection(response):
            return False
        server = http_date(response.headers.get("Date", ""))
        if server is None:
            return False
        skew = server - self._clock()
        if abs(skew - self._offset) < _SKEW_WORTH_RESIGNING:
            return False
        _logger.warning("this machine's clock is %.0f s off the server's", -skew.total_seconds())
        self._offset = skew
        return True

    def _refuse_other_host(self, r: PreparedRequest, parts: SplitResult) -> None:
        host = str(r.headers.get("Host") or _wire_host(parts)).lower()
        if _known_as(self.aws_host, parts.scheme) != _known_as(host, parts.scheme):
            raise SigningError(f"signs for {self.aws_host}, but the request goes to {host}")

    def _wire_url(self, parts: SplitResult) -> str:
        path = _canonical.wire_path(parts.path, self.service)
        if path.startswith("//"):
            raise SigningError("a key that begins with '/' cannot be sent: requests would fold it")
        query = _canonical.wire_query(parts.query) if parts.query else ""
        return urlunsplit((parts.scheme, parts.netloc, path, query, ""))

    def _headers_to_sign(
        self, r: PreparedRequest, parts: SplitResult, added: dict[str, str]
    ) -> list[tuple[str, str]]:
        values = {name.lower(): value for name, value in added.items()}
        values["host"] = str(r.headers.get("Host") or _wire_host(parts))
        for name, value in r.headers.items():
            lower = name.lower()
            if lower not in _OURS_LOWER and (
                lower in self._signed_names or lower.startswith("x-amz-")
            ):
                values[lower] = value
        return sorted((name, _signed_value(name, value)) for name, value in values.items())


def _fixed(
    access_key: str, secret: str | SecretStr, token: str | SecretStr | None
) -> Callable[[], AwsCredentials]:
    if not access_key or not _reveal(secret):
        raise ConfigurationError("expected an access key id and its secret, or `credentials=`")
    fixed = SigningCredentials(access_key, _secret(secret), _secret(token) if token else None)
    return lambda: fixed


def _secret(value: str | SecretStr) -> SecretStr:
    return value if isinstance(value, SecretStr) else SecretStr(value)


def _reveal(value: str | SecretStr | None) -> str | None:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _scope_of(host: str, region: str | None, service: str | None) -> tuple[str, str]:
    if not host:
        raise ConfigurationError("expected aws_host, the host that requests are signed for")
    known = region_and_service(host) or (None, None)
    region, service = region or known[0], service or known[1]
    if not region or not service:
        raise ConfigurationError(
            f"region and service cannot be read from the host {host!r}: "
            "give aws_region and aws_service (an API Gateway API's is 'execute-api')"
        )
    if "*" in region or "," in region:
        raise ConfigurationError("SigV4a (a signature for several regions) is not supported")
    return region, service


@lru_cache(maxsize=128)
def _wire_host(parts: SplitResult) -> str:
    # urllib3 leaves the dot of a fully qualified name out of the Host header.
    host = (parts.hostname or "").rstrip(".")
    if ":" in host:
        host = f"[{host}]"
    if parts.port is None or parts.port == _DEFAULT_PORTS.get(parts.scheme):
        return host
    return f"{host}:{parts.port}"


@lru_cache(maxsize=128)
def _known_as(host: str, scheme: str) -> str:
    return host.removesuffix(f":{_DEFAULT_PORTS.get(scheme)}").rstrip(".").replace(".:", ":")


def _signed_value(name: str, value: str | bytes) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if not _SAFE_VALUE.fullmatch(text):
        raise SigningError(f"the header {name!r} holds a control or non-ASCII character")
    return _canonical.fold(text)


def _settle_body(r: PreparedRequest) -> str:
    body, digest, length = settle(r.body)
    if length is not None:
        r.headers["Content-Length"] = str(length)
        r.headers.pop("Transfer-Encoding", None)
    r.body = body
    return digest


@lru_cache(maxsize=128)
def _derived_key(secret: str, date: str, region: str, service: str) -> bytes:
    return derive_key(secret, date, region, service)
