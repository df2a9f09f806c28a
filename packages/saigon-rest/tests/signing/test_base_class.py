from collections.abc import Callable
from typing import Any

import pytest
import requests
from aws_requests_auth.aws_auth import AWSRequestsAuth

from saigon.rest.exceptions import ConfigurationError
from saigon.rest.sigv4 import SigV4Auth


def test_the_base_class_stays(signer: Callable[..., SigV4Auth]) -> None:
    assert isinstance(signer(), AWSRequestsAuth)


def test_the_constructor_takes_the_arguments_of_the_base_in_its_order(host: str, keys: Any) -> None:
    given = (keys.access_key, keys.secret, host, "eu-west-1", "execute-api", keys.token)
    names = ("aws_access_key", "aws_secret_access_key", "aws_host", "aws_region", "service")
    ours, theirs = SigV4Auth(*given), AWSRequestsAuth(*given)
    for name in (*names, "aws_token"):
        assert getattr(ours, name) == getattr(theirs, name)


def test_a_subclass_may_choose_the_credentials_as_with_the_base(
    host: str, keys: Any, signed: Callable[..., Any]
) -> None:
    class Other(SigV4Auth):
        def get_aws_request_headers_handler(self, r: requests.PreparedRequest) -> dict[str, str]:
            return self.get_aws_request_headers(r, "OTHERKEY", "other", None)

    r = signed(auth=Other(keys.access_key, keys.secret, host, aws_token=keys.token))
    assert "Credential=OTHERKEY/" in r.headers["Authorization"]
    assert "X-Amz-Security-Token" not in r.headers


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"aws_host": "api.example.com"}, "aws_region and aws_service"),
        ({"aws_host": "api.example.com", "aws_region": "eu-west-1"}, "aws_region and aws_service"),
        ({"aws_host": "api.example.com", "aws_service": "s3"}, "aws_region and aws_service"),
        ({"aws_region": "*"}, "SigV4a"),
        ({"aws_region": "eu-west-1,us-east-1"}, "SigV4a"),
        ({"aws_region": "eu-*"}, "SigV4a"),
        ({"aws_host": ""}, "aws_host"),
        ({"aws_access_key": ""}, "access key id"),
        ({"aws_secret_access_key": ""}, "access key id"),
        ({"credentials": lambda: None}, "either"),
    ],
)
def test_what_cannot_sign_is_refused_before_any_request(
    options: dict[str, Any], message: str, host: str, keys: Any
) -> None:
    right = {
        "aws_access_key": keys.access_key,
        "aws_secret_access_key": keys.secret,
        "aws_host": host,
    }
    with pytest.raises(ConfigurationError, match=message):
        SigV4Auth(**{**right, **options})
