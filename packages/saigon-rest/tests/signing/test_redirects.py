"""Redirects that ``requests`` follows by itself, with the signer as a session's ``auth``."""

import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from saigon.rest.sigv4 import SigV4Auth

SIGNATURE = {"Authorization", "X-Amz-Content-SHA256", "X-Amz-Date", "X-Amz-Security-Token"}


@pytest.fixture
def session(server: Any) -> Iterator[requests.Session]:
    host = server.url.removeprefix("http://")
    with requests.Session() as session:
        session.trust_env = False
        session.auth = SigV4Auth("KEY", "secret", host, "eu-west-1", "execute-api", "token")
        yield session


@pytest.fixture
def foreign_url(server: Any) -> str:
    """The same server under another name."""
    return str(server.url).replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_signature_stays_with_its_url(
    session: requests.Session, server: Any, foreign_url: str, status: int, method: str
) -> None:
    server.answer(status, Location=f"{foreign_url}/elsewhere")
    session.request(method, f"{server.url}/here", headers={"X-Own": "1"}, timeout=5)
    first, second = (seen.headers for seen in server.seen)
    assert set(first) >= SIGNATURE
    assert not [name for name in SIGNATURE if name in second]
    assert second["X-Own"] == "1"


def test_it_stays_on_the_way_back_too(
    session: requests.Session, server: Any, foreign_url: str
) -> None:
    server.answer(302, Location="/again")
    server.answer(302, Location=f"{foreign_url}/elsewhere")
    session.get(f"{server.url}/here", timeout=5)
    assert [SIGNATURE & set(seen.headers) for seen in server.seen] == [SIGNATURE, set(), set()]


def test_an_answer_keeps_its_request_and_may_be_pickled(
    session: requests.Session, server: Any
) -> None:
    response = pickle.loads(pickle.dumps(session.get(server.url, timeout=5)))
    assert set(response.request.headers) >= SIGNATURE


def test_a_request_signed_again_is_watched_once(server: Any, session: requests.Session) -> None:
    prepared = session.prepare_request(requests.Request("GET", server.url))
    hooks = list(prepared.hooks["response"])
    assert session.auth is not None
    session.auth(prepared)  # type: ignore[operator]  # no pair of a name and a password
    assert prepared.hooks["response"] == hooks
