"""What an event loop has to know: whether authorizing a request may wait."""

from io import BytesIO
from typing import Any

import pytest

from saigon.model.interface import HttpRequest
from saigon.rest.client import AuthRestClient


def may_block(client: AuthRestClient, body: Any = None) -> bool:
    return client._logins.auth.may_block(HttpRequest("POST", f"{client.base_url}/", {}, body))


@pytest.mark.parametrize("body", [None, b"abc", "abc"], ids=["none", "bytes", "text"])
def test_nothing_waits_while_credentials_are_fresh(client: AuthRestClient, body: Any) -> None:
    client.login("alice", "p")
    assert not may_block(client, body)


@pytest.mark.parametrize("minutes", [55, 61], ids=["within the margin", "expired"])
def test_due_credentials_may_be_waited_for(
    client: AuthRestClient, clock: Any, minutes: int
) -> None:
    client.login("alice", "p")
    clock.pass_by(minutes=minutes)
    assert may_block(client)


def test_only_the_current_user_s_credentials_are_waited_for(
    client: AuthRestClient, clock: Any
) -> None:
    client.login("alice", "p")
    clock.pass_by(minutes=56)
    client.login("bob", "p")
    with client.as_user("bob"):
        assert not may_block(client)
    with client.as_user("alice"):
        assert may_block(client)


def test_a_file_may_be_waited_for(client: AuthRestClient) -> None:
    client.login("alice", "p")
    assert may_block(client, BytesIO(b"abc"))


def test_that_nobody_is_logged_in_is_not_waited_for(client: AuthRestClient) -> None:
    assert not may_block(client)
