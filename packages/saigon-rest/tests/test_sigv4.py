import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from aws_requests_auth.aws_auth import AWSRequestsAuth
from botocore.auth import SigV4Auth as BotocoreSigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from urllib3.connection import HTTPConnection

from saigon.rest.exceptions import ConfigurationError, SigningError
from saigon.rest.sigv4 import SigningCredentials, SigV4Auth, region_and_service

NOW = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)
HOST = "abc123.execute-api.eu-west-1.amazonaws.com"
KEY, SECRET, TOKEN = "AKIDEXAMPLE", "the-secret", "the-token"


def signer(host: str = HOST, **options: Any) -> SigV4Auth:
    options.setdefault("aws_token", TOKEN)
    return SigV4Auth(KEY, SECRET, host, clock=lambda: NOW, **options)


def signed(
    method: str = "GET", url: str = f"https://{HOST}/prod", auth: Any = None, **parts: Any
) -> requests.PreparedRequest:
    return requests.Request(method, url, auth=auth or signer(), **parts).prepare()


def botocore_authorization(r: requests.PreparedRequest, region: str, service: str) -> str:
    """Sign what stands on the wire with botocore."""
    wanted = [n for n in r.headers if n.lower() == "content-type" or n.lower().startswith("x-amz-")]
    headers = {name: r.headers[name] for name in wanted}
    request = AWSRequest(method=r.method, url=r.url, headers=headers, data=r.body)
    request.context["timestamp"] = r.headers["X-Amz-Date"]
    oracle: Any = BotocoreSigV4Auth(Credentials(KEY, SECRET, TOKEN), service, region)
    text = oracle.string_to_sign(request, oracle.canonical_request(request))
    oracle._inject_signature_to_request(request, oracle.signature(text, request))
    return str(request.headers["Authorization"])


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
HEADER_VALUES = st.from_regex(r"[!-~]([ !-~]{0,8}[!-~])?", fullmatch=True)
BODIES = st.none() | st.binary(max_size=20) | st.text("aé€", max_size=5)


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"]),
    host=st.sampled_from([HOST, f"{HOST}:8443"]),
    segments=st.lists(WORDS, max_size=4),
    query=st.lists(st.tuples(WORDS, WORDS), max_size=4),
    raw_query=st.text("ab&=+%20;:/~*", max_size=8),
    header=HEADER_VALUES,
    body=BODIES,
)
def test_the_signature_is_that_of_botocore(  # noqa: PLR0917  # fixtures and the table's columns
    method: str,
    host: str,
    segments: list[str],
    query: list[tuple[str, str]],
    raw_query: str,
    header: str,
    body: Any,
) -> None:
    path = "/".join(quote(segment, safe="/;+.") for segment in segments)
    r = signed(
        method,
        f"https://{host}/{path}?{raw_query.replace('%', '%25')}",
        auth=signer(host),
        params=query,
        headers={"Content-Type": "text/plain;  charset=utf-8", "X-Amz-Meta": header, "X-Own": "1"},
        data=body,
    )
    assert r.headers["Authorization"] == botocore_authorization(r, "eu-west-1", "execute-api")
    assert "+" not in str(r.url)


def test_the_base_class_stays() -> None:
    assert isinstance(signer(), AWSRequestsAuth)


def test_a_subclass_may_choose_the_credentials_as_with_the_base() -> None:
    class Other(SigV4Auth):
        def get_aws_request_headers_handler(self, r: requests.PreparedRequest) -> dict[str, str]:
            return self.get_aws_request_headers(r, "OTHERKEY", "other", None)

    r = signed(auth=Other(KEY, SECRET, HOST, aws_token=TOKEN, clock=lambda: NOW))
    assert "Credential=OTHERKEY/" in r.headers["Authorization"]
    assert "X-Amz-Security-Token" not in r.headers


def test_only_headers_that_no_proxy_rewrites_are_signed() -> None:
    r = signed("POST", json={}, headers={"User-Agent": "x", "X-Amz-Meta": "1", "X-Amzn-Own": "2"})
    assert (
        "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-meta;"
        "x-amz-security-token," in r.headers["Authorization"]
    )


def test_further_headers_are_signed_where_asked_for() -> None:
    auth = signer(extra_signed_headers=["Idempotency-Key"])
    r = signed(auth=auth, headers={"idempotency-key": "1"})
    assert "host;idempotency-key;x-amz" in r.headers["Authorization"]


def test_a_non_default_port_is_signed() -> None:
    plain, ported = signed(), signed(url=f"https://{HOST}:8443/prod", auth=signer(f"{HOST}:8443"))
    default = signed(url=f"https://{HOST}:443/prod")
    assert plain.headers["Authorization"] == default.headers["Authorization"]
    assert plain.headers["Authorization"] != ported.headers["Authorization"]


@pytest.mark.parametrize("host", [HOST, HOST.upper(), f"{HOST}:443"])
def test_the_host_is_known_in_each_spelling(host: str) -> None:
    assert "Authorization" in signed(auth=signer(host)).headers


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("[::1]:443", "https://[::1]/"),
        ("[::1]", "https://[::1]:443/"),
        ("[::1]:8443", "https://[::1]:8443/"),
        ("example.com.", "https://example.com./"),
        ("example.com.:8443", "https://example.com.:8443/"),
    ],
)
def test_an_address_and_a_dotted_name_are_known_in_each_spelling(host: str, url: str) -> None:
    auth = signer(host, aws_region="eu-west-1", aws_service="execute-api")
    assert "Authorization" in signed(url=url, auth=auth).headers


def test_the_dot_of_a_full_name_is_not_signed_as_it_is_not_sent() -> None:
    assert HTTPConnection(f"{HOST}.").host == HOST
    dotted = signed(
        url=f"https://{HOST}./prod",
        auth=signer(f"{HOST}.", aws_region="eu-west-1", aws_service="execute-api"),
    )
    assert dotted.headers["Authorization"] == signed().headers["Authorization"]


@pytest.mark.parametrize("host", ["example.com", f"{HOST}:8443"])
def test_another_host_gets_no_signature(host: str) -> None:
    with pytest.raises(SigningError, match=rf"signs for .* goes to {host}"):
        signed(url=f"https://{host}/")


def test_a_key_that_would_go_out_as_another_is_refused() -> None:
    with pytest.raises(SigningError, match="begins with '/'"):
        signed(url=f"https://{HOST}//key", auth=signer(aws_service="s3"))


def test_a_host_header_is_what_is_signed() -> None:
    r = signed(
        url="https://vpce-1.execute-api.eu-west-1.vpce.amazonaws.com/", headers={"Host": HOST}
    )
    assert r.headers["Authorization"] == signed(url=f"https://{HOST}/").headers["Authorization"]


@pytest.mark.parametrize("value", ["caf\N{LATIN SMALL LETTER E WITH ACUTE}", "a\x00b"])
def test_a_value_that_cannot_be_signed_is_refused(value: str) -> None:
    r = requests.Request("GET", f"https://{HOST}/").prepare()
    r.headers["X-Amz-Meta"] = value
    with pytest.raises(SigningError, match="x-amz-meta"):
        signer()(r)


def test_a_line_break_in_a_signed_value_is_refused() -> None:
    r = requests.Request("GET", f"https://{HOST}/").prepare()
    r.headers["X-Amz-Meta"] = "a\r\nX-Evil: 1"
    with pytest.raises(SigningError) as caught:
        signer()(r)
    assert "Evil" not in str(caught.value)


def test_white_space_in_a_value_is_folded_for_the_signature_alone() -> None:
    loose = signed(headers={"X-Amz-Meta": "a   b"})
    tight = signed(headers={"X-Amz-Meta": "a b"})
    assert loose.headers["Authorization"] == tight.headers["Authorization"]
    assert loose.headers["X-Amz-Meta"] == "a   b"


def _generator() -> Iterator[bytes]:
    yield b"some"
    yield b" bytes"


@pytest.mark.parametrize(
    "body",
    [
        "some bytes",
        bytearray(b"some bytes"),
        io.BytesIO(b"some bytes"),
        _generator,
        lambda: io.BufferedReader(_Unseekable(b"some bytes")),
    ],
    ids=["str", "bytearray", "file", "generator", "pipe"],
)
def test_every_kind_of_body_is_signed_as_its_bytes(body: Any) -> None:
    expected = signed("PUT", data=b"some bytes")
    r = signed("PUT", data=body() if callable(body) else body)
    assert r.headers["Authorization"] == expected.headers["Authorization"]
    assert r.headers["Content-Length"] == "10"
    assert "Transfer-Encoding" not in r.headers
    sent: Any = r.body
    rest = sent.read() if hasattr(sent, "read") else sent
    assert rest == b"some bytes"


class _Unseekable(io.RawIOBase):
    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(buffer)


def test_a_file_is_signed_from_where_it_stands_and_put_back_there() -> None:
    file = io.BytesIO(b"head some bytes")
    file.seek(5)
    r = signed("PUT", data=file)
    assert r.headers["Authorization"] == signed("PUT", data=b"some bytes").headers["Authorization"]
    assert (file.tell(), r.headers["Content-Length"]) == (5, "10")


def test_a_large_generator_is_spooled_to_a_file() -> None:
    r = signed("PUT", data=(b"x" * 1_000_000 for _ in range(3)))
    assert r.headers["Content-Length"] == "3000000"
    body: Any = r.body
    assert len(body.read()) == 3_000_000


def test_an_empty_file_has_a_length() -> None:
    r = signed("PUT", data=io.BytesIO())
    assert r.headers["Content-Length"] == "0"
    assert "Transfer-Encoding" not in r.headers


@pytest.mark.filterwarnings("ignore::requests.exceptions.FileModeWarning")
def test_a_text_mode_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("x")
    with path.open() as file, pytest.raises(SigningError, match="'rb'"):
        signed("PUT", data=file)
    with pytest.raises(SigningError, match="text-mode"):
        signed("PUT", data=io.StringIO("x"))


def test_a_generator_of_text_is_refused() -> None:
    with pytest.raises(SigningError, match="str"):
        signed("PUT", data=(part for part in ["text"]))


def test_signing_again_gives_the_same_request() -> None:
    r = signed("PUT", data=b"x")
    first = dict(r.headers)
    signer()(r)
    assert dict(r.headers) == first


def test_a_token_of_an_earlier_signature_does_not_stay() -> None:
    r = signed()
    SigV4Auth(KEY, SECRET, HOST, clock=lambda: NOW)(r)
    assert "X-Amz-Security-Token" not in r.headers


def test_credentials_are_read_once_for_each_signature() -> None:
    read = []

    def credentials() -> SigningCredentials:
        read.append(1)
        return SigningCredentials(f"KEY{len(read)}", SecretStr("s"), SecretStr(f"T{len(read)}"))

    auth = SigV4Auth(aws_host=HOST, credentials=credentials, clock=lambda: NOW)
    r = signed(auth=auth)
    assert "Credential=KEY1/" in r.headers["Authorization"]
    assert r.headers["X-Amz-Security-Token"] == "T1"
    assert len(read) == 1
    assert (auth.aws_access_key, auth.aws_secret_access_key, auth.aws_token) == ("KEY2", "s", "T4")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (HOST, ("eu-west-1", "execute-api")),
        (HOST.upper(), ("eu-west-1", "execute-api")),
        (f"{HOST}:443", ("eu-west-1", "execute-api")),
        ("abc-vpce-1.execute-api.us-gov-west-1.amazonaws.com", ("us-gov-west-1", "execute-api")),
        ("vpce-1-x.execute-api.us-east-1.vpce.amazonaws.com", ("us-east-1", "execute-api")),
        ("abc.execute-api.cn-north-1.amazonaws.com.cn", ("cn-north-1", "execute-api")),
        ("abc.execute-api.us-east-2.api.aws", ("us-east-2", "execute-api")),
        ("abc.lambda-url.ap-southeast-2.on.aws", ("ap-southeast-2", "lambda")),
        ("api.example.com", None),
        ("abc.execute-api.eu-west-1.amazonaws.com.evil.example", None),
        ("localhost:8000", None),
    ],
)
def test_region_and_service_are_read_from_the_host(
    host: str, expected: tuple[str, str] | None
) -> None:
    assert region_and_service(host) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"aws_host": "api.example.com"}, "aws_region and aws_service"),
        ({"aws_host": "api.example.com", "aws_region": "eu-west-1"}, "aws_region and aws_service"),
        ({"aws_host": HOST, "aws_region": "*"}, "SigV4a"),
        ({"aws_host": HOST, "aws_region": "eu-west-1,us-east-1"}, "SigV4a"),
        ({"aws_host": ""}, "aws_host"),
        ({"aws_host": HOST, "aws_access_key": ""}, "access key id"),
        ({"aws_host": HOST, "credentials": lambda: None}, "either"),
    ],
)
def test_what_cannot_sign_is_refused_before_any_request(
    options: dict[str, Any], message: str
) -> None:
    keys = {"aws_access_key": KEY, "aws_secret_access_key": SECRET}
    with pytest.raises(ConfigurationError, match=message):
        SigV4Auth(**{**keys, **options})


def test_no_secret_stands_in_the_repr() -> None:
    auth = signer()
    shown = repr(auth) + repr(vars(auth)) + repr(SigningCredentials(KEY, SecretStr(SECRET)))
    assert SECRET not in shown
    assert TOKEN not in shown


def _rejection(at: datetime, **headers: str) -> requests.Response:
    response = requests.Response()
    response.status_code = 403
    response.headers["Date"] = format_datetime(at, usegmt=True)
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    response._content = b'{"message": "Forbidden"}'
    return response


def test_the_servers_clock_is_taken_over_once_it_explains_a_rejection() -> None:
    auth = signer()
    ahead = NOW + timedelta(minutes=10)
    assert auth.recover(_rejection(ahead))
    assert signed(auth=auth).headers["X-Amz-Date"] == "20260517T121000Z"
    assert not auth.recover(_rejection(ahead))


@pytest.mark.parametrize(
    "make",
    [
        lambda: _rejection(NOW + timedelta(seconds=90)),
        lambda: _rejection(NOW + timedelta(hours=1), x_amzn_errortype="AccessDeniedException"),
        lambda: _rejection(NOW, Date="Wed, 21 Oct 2015 07:28:00 +9999999999999999999"),
        lambda: _rejection(NOW, Date="Fri, 31 Dec 9999 23:59:59 -2300"),
        requests.Response,
    ],
    ids=["small skew", "the user may not", "no date", "no time of ours", "no answer"],
)
def test_a_rejection_that_the_clock_does_not_explain_stands(
    make: Callable[[], requests.Response],
) -> None:
    assert not signer().recover(make())
