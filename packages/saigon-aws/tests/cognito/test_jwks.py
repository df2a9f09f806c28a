import threading
from collections.abc import Callable
from typing import Any

import pytest

from saigon.aws.cognito._tokens.jwks import JwksClient
from saigon.aws.cognito.exceptions import JwksUnavailableError, UnknownKeyError


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(loopback: Any, signer: Any, clock: Clock) -> JwksClient:
    loopback.default = (200, signer.jwks)
    return JwksClient(loopback.url, lifespan=300, cooldown=30, timeouts=(5, 5), clock=clock)


def test_making_it_fetches_nothing(keys: JwksClient, loopback: Any) -> None:
    assert loopback.requests == []


def test_a_key_is_fetched_once_for_its_lifespan(
    keys: JwksClient, loopback: Any, signer: Any, clock: Clock
) -> None:
    for _ in range(10):
        assert keys.key(signer.kid).key_id == signer.kid
    assert len(loopback.requests) == 1

    clock.now += 301
    keys.key(signer.kid)
    assert len(loopback.requests) == 2


def test_a_thousand_unknown_keys_are_one_fetch(keys: JwksClient, loopback: Any) -> None:
    for number in range(1000):
        with pytest.raises(UnknownKeyError):
            keys.key(f"unknown-{number}")

    assert len(loopback.requests) == 1


def test_a_new_key_is_found_after_the_cooldown(
    keys: JwksClient, loopback: Any, signer: Any, make_signer: Callable[[str], Any], clock: Clock
) -> None:
    keys.key(signer.kid)
    new = make_signer("key-2")
    loopback.default = (200, {"keys": [signer.jwk, new.jwk]})

    with pytest.raises(UnknownKeyError):
        keys.key("key-2")
    clock.now += 31

    assert keys.key("key-2").key_id == "key-2"
    assert len(loopback.requests) == 2


def test_a_key_that_is_gone_is_gone(
    keys: JwksClient, loopback: Any, signer: Any, make_signer: Callable[[str], Any], clock: Clock
) -> None:
    keys.key(signer.kid)
    loopback.default = (200, make_signer("key-2").jwks)
    clock.now += 301

    with pytest.raises(UnknownKeyError):
        keys.key(signer.kid)


@pytest.mark.parametrize(
    "outage",
    [
        (500, b"down"),
        (404, {"keys": []}),
        (200, b"<html>"),
        (200, b"[" * 100_000),
        (200, []),
        (200, {"keys": []}),
        (200, b"x" * 1_000_001),
        (302, b""),
        None,
    ],
    ids=["500", "404", "html", "deep", "list", "no-keys", "huge", "redirect", "closed"],
)
def test_the_last_good_set_outlives_an_outage(
    keys: JwksClient, loopback: Any, signer: Any, clock: Clock, outage: Any
) -> None:
    keys.key(signer.kid)
    loopback.default = outage
    loopback.headers = {"Location": f"{loopback.url}/elsewhere"}
    clock.now += 301

    for _ in range(5):
        assert keys.key(signer.kid).key_id == signer.kid

    assert len(loopback.requests) == 2, "the endpoint that is down was asked too often"
    assert {request["path"] for request in loopback.requests} == {"/"}
    loopback.default, loopback.headers = (200, signer.jwks), {}
    clock.now += 31
    keys.key(signer.kid)
    assert len(loopback.requests) == 3


def test_without_any_keys_it_says_so_and_recovers(
    keys: JwksClient, loopback: Any, signer: Any, clock: Clock
) -> None:
    loopback.default = (503, b"down")

    for _ in range(5):
        with pytest.raises(JwksUnavailableError):
            keys.key(signer.kid)
    assert len(loopback.requests) == 1

    loopback.default = (200, signer.jwks)
    clock.now += 2
    assert keys.key(signer.kid).key_id == signer.kid


def test_threads_share_one_fetch(keys: JwksClient, loopback: Any, signer: Any) -> None:
    found: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: found.append(keys.key(signer.kid).key_id)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [signer.kid] * 8
    assert len(loopback.requests) == 1


@pytest.mark.parametrize("change", [{"use": "enc"}, {"kty": "oct", "k": "c2VjcmV0"}])
def test_only_rsa_signing_keys_count(
    keys: JwksClient, loopback: Any, signer: Any, make_signer: Any, change: dict[str, str]
) -> None:
    other = make_signer("other").jwk
    if change.get("kty"):
        other = {"kid": "other", "alg": "HS256", "use": "sig"}
    loopback.default = (200, {"keys": [{**other, **change}, signer.jwk]})

    with pytest.raises(UnknownKeyError):
        keys.key("other")
    assert keys.key(signer.kid).key_id == signer.kid
