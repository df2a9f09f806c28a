import itertools
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import SecretStr

from saigon.rest.exceptions import ConfigurationError
from saigon.rest.sigv4 import SigningCredentials, SigV4Auth

THREADS = 50


def triple(number: int) -> SigningCredentials:
    return SigningCredentials(
        f"KEY{number}", SecretStr(f"secret-{number}"), SecretStr(f"token-{number}")
    )


@pytest.fixture
def rotating(signer_of: Callable[..., Any]) -> Any:
    """A signer whose credentials are others at each look."""
    numbers = itertools.count(1)
    return signer_of(lambda: triple(next(numbers)))


def test_credentials_are_read_once_for_each_signature(
    rotating: Any, signed: Callable[..., Any]
) -> None:
    for number in (1, 2):
        r = signed(auth=rotating)
        assert f"Credential=KEY{number}/" in r.headers["Authorization"]
        assert r.headers["X-Amz-Security-Token"] == f"token-{number}"


def test_the_attributes_of_the_base_are_those_of_the_moment(rotating: Any) -> None:
    seen = (rotating.aws_access_key, rotating.aws_secret_access_key, rotating.aws_token)
    assert seen == ("KEY1", "secret-2", "token-3")


def test_no_thread_gets_a_torn_triple(
    rotating: Any,
    signed: Callable[..., Any],
    wire: Callable[..., Any],
    botocore_authorization: Callable[..., str],
    keys: Any,
) -> None:
    start = threading.Barrier(THREADS)

    def sign_some() -> list[Any]:
        start.wait()
        return [wire(signed(auth=rotating)) for _ in range(5)]

    with ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(sign_some) for _ in range(THREADS)]
        sent = [request for task in running for request in task.result()]
    numbers = [int(request.headers["x-amz-security-token"].split("-")[1]) for request in sent]
    assert sorted(numbers) == list(range(1, THREADS * 5 + 1))
    for number, request in zip(numbers, sent, strict=True):
        of_one = type(keys)(f"KEY{number}", f"secret-{number}", f"token-{number}")
        assert request.authorization == botocore_authorization(request, keys=of_one)


def test_credentials_without_a_token_sign_without_one(
    signer_of: Callable[..., Any],
    signed: Callable[..., Any],
    wire: Callable[..., Any],
    botocore_authorization: Callable[..., str],
    keys: Any,
) -> None:
    fixed = SigningCredentials("KEY", SecretStr("secret"))
    sent = wire(signed(auth=signer_of(lambda: fixed)))
    assert "x-amz-security-token" not in sent.headers
    of_none = type(keys)("KEY", "secret", None)
    assert sent.authorization == botocore_authorization(sent, keys=of_none)


def test_no_secret_stands_in_the_repr(signer: Callable[..., Any], keys: Any) -> None:
    auth = signer()
    shown = repr(auth) + repr(vars(auth)) + repr(triple(1))
    for secret in (keys.secret, keys.token, "secret-1", "token-1"):
        assert secret not in shown


def test_fixed_credentials_go_with_the_signer_into_another_process() -> None:
    fixed = SigV4Auth("KEY", "secret", "h", "eu-west-1", "execute-api", "token")
    again = pickle.loads(pickle.dumps(fixed))
    assert (again.aws_access_key, again.aws_secret_access_key) == ("KEY", "secret")


@pytest.mark.parametrize("given", [("KEY\n", "secret"), ("KEY", " secret"), ("KEY", "s", "token ")])
def test_white_space_around_credentials_is_told_but_for_them(given: tuple[str, ...]) -> None:
    key, secret, *token = given
    with pytest.raises(ConfigurationError, match="white space") as caught:
        SigV4Auth(key, secret, "h", "eu-west-1", "execute-api", *token)
    assert not [value for value in given if value.strip() in str(caught.value).split()]


@pytest.mark.parametrize(
    "also",
    [{"aws_access_key": "KEY"}, {"aws_secret_access_key": "secret"}, {"aws_token": "token"}],
    ids=repr,
)
def test_credentials_are_given_in_one_way(also: dict[str, str], host: str) -> None:
    with pytest.raises(ConfigurationError, match="got both"):
        SigV4Auth(aws_host=host, credentials=lambda: triple(1), **also)  # type: ignore[arg-type]  # a table of names
