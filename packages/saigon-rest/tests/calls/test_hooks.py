from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.auth import AuthBase

from saigon.rest import exceptions
from saigon.rest.client import RestClientBase, RestEvent, RetryPolicy


def test_hooks_see_each_try_and_no_secret(
    make_client: Callable[..., RestClientBase], scripted: Any, steps: Any
) -> None:
    events: list[RestEvent] = []
    scripted.connection(steps.hang_up())
    scripted.connection(
        steps.answer(503, x_request_id="id-3"),
        steps.answer(200, b"xx", x_request_id="id-4"),
    )
    client = make_client(scripted.url, hooks=[events.append], max_response_bytes=1)
    with pytest.raises(exceptions.ResponseTooLargeError):
        client.request("get", "/a?token=hidden")
    assert [(e.attempt, e.status, e.error, e.request_id) for e in events] == [
        (1, None, "TransportError", None),
        (2, 503, None, "id-3"),
        (3, None, "ResponseTooLargeError", None),
    ]
    assert {(e.method, e.url) for e in events} == {("GET", f"{scripted.url}/a")}
    assert all(e.elapsed > 0 for e in events)


def test_a_hook_that_fails_changes_nothing_and_is_logged(
    make_client: Callable[..., RestClientBase], server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_event: RestEvent) -> None:
        raise LookupError("hidden")

    events: list[RestEvent] = []
    client = make_client(hooks=[fail, events.append])
    server.answer(201, "7")
    assert client.create_resource("/orders", {}, int) == 7
    server.answer(200, b"xyz")
    with client.stream("/f") as stream:
        assert list(stream.iter_bytes()) == [b"xyz"]
    server.answer(404)
    with pytest.raises(exceptions.NotFoundError):
        client.request("GET", "/")
    assert (len(events), server.connections) == (3, 1)
    assert caplog.messages == ["a hook failed: LookupError"] * 3


def test_a_hook_that_ends_the_program_leaves_no_connection_behind(
    make_client: Callable[..., RestClientBase], scripted: Any, steps: Any
) -> None:
    def end(_event: RestEvent) -> None:
        raise KeyboardInterrupt

    scripted.connection(steps.answer(200, b"x" * 3_000_000))
    client = make_client(scripted.url, hooks=[end])
    with pytest.raises(KeyboardInterrupt) as caught, client.stream("/f"):
        pass
    assert scripted.ended.acquire(timeout=5)
    assert caught.value.args == ()


class Hopeful(AuthBase):
    asked = 0

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        return r

    def recover(self, _answer: Any) -> bool:
        self.asked += 1
        return True


def test_a_refused_signature_is_made_anew_once(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    server.answer(403)
    server.answer(403)
    auth = Hopeful()
    with pytest.raises(exceptions.ForbiddenError) as caught:
        make_client(auth=auth, retry=RetryPolicy(attempts=1)).request("POST", "/", body={})
    assert (len(server.seen), caught.value.attempts, auth.asked) == (2, 2, 1)


def test_it_is_not_made_anew_for_a_body_that_is_gone(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    server.answer(403)
    auth = Hopeful()
    with pytest.raises(exceptions.ForbiddenError):
        make_client(auth=auth).create_resource("/", iter([b"a"]))
    assert (len(server.seen), auth.asked) == (1, 0)
