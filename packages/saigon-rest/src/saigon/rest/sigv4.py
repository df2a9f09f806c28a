"""Sign requests with AWS Signature Version 4: what is signed is what goes out on the wire.

Needs the extra ``[aws]``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import SecretStr
from requests import PreparedRequest, Response
from requests.structures import CaseInsensitiveDict

from saigon.model.interface import HttpRequest
from saigon.rest._calls.answers import Answer
from saigon.rest._calls.bodies import settle
from saigon.rest._credentials import AwsCredentials
from saigon.rest._signing.aws_requests_auth import AWSRequestsAuth
from saigon.rest._signing.hosts import region_and_service, scope_of
from saigon.rest._signing.signer import SIGNATURE_HEADERS, Signer, SigningCredentials
from saigon.rest.exceptions import ConfigurationError

__all__ = [
    "AwsCredentials",
    "SigV4Auth",
    "SigningCredentials",
    "region_and_service",
]

_INLINE: Final = (type(None), bytes, bytearray, str)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SigV4Auth(AWSRequestsAuth):
    """Sign each request for AWS: of ``requests`` as its ``auth``, of others by ``authorize``.

    The URL is rewritten to the form that is signed, the body to one whose bytes are known, and
    ``X-Amz-Content-SHA256`` is sent and signed. A redirect that ``requests`` follows goes on
    unsigned, without the session token: a signature is for one URL.

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
            regions are named (SigV4a), the host is a URL, or the credentials are missing, given
            twice or surrounded by white space.

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
        if credentials is not None and (aws_access_key or aws_secret_access_key or aws_token):
            raise ConfigurationError("expected either keys or a credentials callable, got both")
        self._credentials_may_block = credentials is not None
        self.aws_host = aws_host.lower()
        self.aws_region, self.service = scope_of(aws_host, aws_region, aws_service)
        self._signer = Signer(
            self.aws_host,
            self.aws_region,
            self.service,
            extra_signed_headers=extra_signed_headers,
            clock=clock,
        )

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
        token = self._credentials().session_token
        return token.get_secret_value() if token is not None else None

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Rewrite the request to what is signed, and sign it.

        Raises:
            SigningError: The host is another one, a key of S3 begins with ``/``, the body is a
                text-mode file, or a signed header holds a control or non-ASCII character.
        """
        r.url = self._signer.wire_url(str(r.url), r.headers)
        added = self.get_aws_request_headers_handler(r)
        # That of an earlier signature; the other headers are replaced by the new ones.
        r.headers.pop("X-Amz-Security-Token", None)
        r.headers.update(added)
        if _leave_signature_behind not in r.hooks["response"]:
            r.hooks["response"].append(_leave_signature_behind)
        return r

    def authorize(self, request: HttpRequest) -> HttpRequest:
        """Return the request to send, signed; ``AsyncRestClient`` asks so.

        Raises:
            SigningError: As where this object is called.
        """
        prepared = PreparedRequest()
        prepared.method, prepared.url = request.method, request.url
        prepared.headers = CaseInsensitiveDict(request.headers)
        prepared.body = request.body  # type: ignore[assignment]  # requests' stubs know no files
        self(prepared)
        body: Any = prepared.body
        return HttpRequest(request.method, str(prepared.url), dict(prepared.headers), body)

    def may_block(self, request: HttpRequest) -> bool:
        """Tell whether signing may wait for credentials or read a file."""
        return self._credentials_may_block or not isinstance(request.body, _INLINE)

    def get_aws_request_headers_handler(self, r: PreparedRequest) -> dict[str, str]:
        """Sign with the credentials of this moment; override it to sign with others."""
        credentials = self._credentials()
        token = credentials.session_token
        return self.get_aws_request_headers(
            r=r,
            aws_access_key=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key.get_secret_value(),
            aws_token=token.get_secret_value() if token is not None else None,
        )

    def get_aws_request_headers(
        self,
        r: PreparedRequest,
        aws_access_key: str,
        aws_secret_access_key: str,
        aws_token: str | None,
    ) -> dict[str, str]:
        """Return the headers that sign the request; its body is made one that can be hashed."""
        payload_hash = _settle_body(r)
        return self._signer.sign(
            str(r.method),
            str(r.url),
            r.headers,
            payload_hash,
            access_key_id=aws_access_key,
            secret_access_key=aws_secret_access_key,
            session_token=aws_token,
        )

    def recover(self, answer: Answer) -> bool:
        """Take over the server's clock if a rejected signature is explained by ours.

        Returns:
            True if the request is worth signing and sending once more.
        """
        return self._signer.recover(answer)


@dataclass(frozen=True, slots=True)
class _Fixed:
    credentials: SigningCredentials

    def __call__(self) -> AwsCredentials:
        return self.credentials


def _fixed(access_key: str, secret: str | SecretStr, token: str | SecretStr | None) -> _Fixed:
    fixed = SigningCredentials(access_key, _secret(secret), _secret(token) if token else None)
    if not access_key or not fixed.secret_access_key.get_secret_value():
        raise ConfigurationError("expected an access key id and its secret, or `credentials=`")
    secrets = (fixed.secret_access_key, fixed.session_token or SecretStr(""))
    values = (access_key, *(each.get_secret_value() for each in secrets))
    if any(value != value.strip() for value in values):
        raise ConfigurationError("the credentials begin or end with white space")
    return _Fixed(fixed)


def _secret(value: str | SecretStr) -> SecretStr:
    return value if isinstance(value, SecretStr) else SecretStr(value)


def _leave_signature_behind(response: Response, *_args: object, **_options: object) -> None:
    # Of these requests takes but Authorization out of what it sends to another host.
    if response.is_redirect:
        for name in SIGNATURE_HEADERS:
            response.request.headers.pop(name, None)


def _settle_body(r: PreparedRequest) -> str:
    body, digest, length = settle(r.body)
    if length is not None:
        r.headers["Content-Length"] = str(length)
        r.headers.pop("Transfer-Encoding", None)
    r.body = body
    return digest
