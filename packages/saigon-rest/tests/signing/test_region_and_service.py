from collections.abc import Callable
from typing import Any

import pytest

from saigon.rest.exceptions import ConfigurationError
from saigon.rest.sigv4 import SigV4Auth, region_and_service


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("abc123.execute-api.eu-west-1.amazonaws.com", ("eu-west-1", "execute-api")),
        ("ABC123.EXECUTE-API.EU-WEST-1.AMAZONAWS.COM", ("eu-west-1", "execute-api")),
        ("abc123.execute-api.eu-west-1.amazonaws.com:443", ("eu-west-1", "execute-api")),
        ("abc-vpce-1.execute-api.us-gov-west-1.amazonaws.com", ("us-gov-west-1", "execute-api")),
        ("vpce-1-x.execute-api.us-east-1.vpce.amazonaws.com", ("us-east-1", "execute-api")),
        ("vpce-1-x.execute-api.cn-north-1.vpce.amazonaws.com.cn", ("cn-north-1", "execute-api")),
        ("abc.execute-api.cn-north-1.amazonaws.com.cn", ("cn-north-1", "execute-api")),
        ("abc.execute-api.us-east-2.api.aws", ("us-east-2", "execute-api")),
        ("abc.lambda-url.ap-southeast-2.on.aws", ("ap-southeast-2", "lambda")),
        ("abc.lambda-url.ap-southeast-2.on.aws:8443", ("ap-southeast-2", "lambda")),
        ("api.example.com", None),
        ("execute-api.eu-west-1.amazonaws.com", None),
        ("abc.execute-api.eu-west-1.amazonaws.com.evil.example", None),
        ("abc.execute-api.eu-west-1.amazonaws.community", None),
        ("abc.lambda-url.eu-west-1.on.aws.example", None),
        ("abcXexecute-api.eu-west-1.amazonaws.com", None),
        ("localhost:8000", None),
        ("[::1]:8000", None),
        ("", None),
    ],
)
def test_region_and_service_are_read_from_the_host(
    host: str, expected: tuple[str, str] | None
) -> None:
    assert region_and_service(host) == expected


@pytest.mark.parametrize(
    ("host", "scope"),
    [
        ("abc.lambda-url.us-east-1.on.aws", "us-east-1/lambda"),
        ("abc.execute-api.cn-north-1.amazonaws.com.cn", "cn-north-1/execute-api"),
        ("vpce-1-x.execute-api.us-east-1.vpce.amazonaws.com", "us-east-1/execute-api"),
    ],
)
def test_the_scope_of_the_signature_is_that_of_the_host(
    host: str, scope: str, signer: Callable[..., Any], signed: Callable[..., Any]
) -> None:
    r = signed(url=f"https://{host}/", auth=signer(host))
    assert f"/20260517/{scope}/aws4_request, " in r.headers["Authorization"]


def test_what_is_given_goes_before_what_the_host_says(
    signer: Callable[..., Any], signed: Callable[..., Any]
) -> None:
    auth = signer(aws_region="us-west-2", aws_service="other")
    assert "/us-west-2/other/aws4_request" in signed(auth=auth).headers["Authorization"]


@pytest.mark.parametrize("host", ["", "https://h.example", "h.example/prod", "u@h.example", "h\n"])
def test_what_is_no_host_is_told_at_once(host: str) -> None:
    with pytest.raises(ConfigurationError, match="without scheme or path"):
        SigV4Auth("KEY", "secret", host, "eu-west-1", "execute-api")
