"""The table of the guide on retries, cell by cell, for both clients."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from saigon.model.interface import HttpRequest
from saigon.rest import exceptions
from saigon.rest.client import RetryPolicy

RETRIED = (408, 429, 500, 502, 503, 504)
STATUSES = (400, 401, 402, 403, 404, 405, 409, 410, 413, 422, 425, 501, 505, 507, 599)
IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS")
OTHERS = ("POST", "PATCH")
METHODS = [
    *((method, {}, True) for method in IDEMPOTENT),
    *((method, {}, False) for method in OTHERS),
    *((method, {"idempotency_key": "k"}, True) for method in OTHERS),
]
IDS = [*IDEMPOTENT, *OTHERS, *(f"{method} with a key" for method in OTHERS)]
TWICE = {"retry": RetryPolicy(attempts=2)}

each_method = pytest.mark.parametrize(("method", "key", "again"), METHODS, ids=IDS)


@each_method
def test_no_connection_again(twin: Any, dead_url: str, method: str, key: Any, again: bool) -> None:
    outcome = twin.call(dead_url, "request", method, "/", client=TWICE, **key)
    assert type(outcome.error) is exceptions.ConnectError
    assert (outcome.error.attempts, len(outcome.naps)) == (2, 1)


@each_method
def test_reset_or_no_answer_in_time(  # noqa: PLR0917  # fixtures and the table's columns
    twin: Any, server: Any, stall: Callable[[], None], method: str, key: Any, again: bool
) -> None:
    for fail in (lambda: server.answer(hang_up=True), stall):
        sent = len(server.seen)
        fail()
        outcome = twin.call(
            server.url, "request", method, "/", client=TWICE, timeout=(5, 0.15), **key
        )
        assert (outcome.error is None) == again
        assert len(server.seen) - sent == (2 if again else 1)


@pytest.fixture
def stall(server: Any) -> Iterator[Callable[[], None]]:
    """Have the next request not be answered."""
    respond = server.respond

    def never(handler: Any) -> None:
        server.respond = respond
        server.seen.append(handler.path)
        server.release.wait()
        handler.close_connection = True

    def do() -> None:
        server.respond = never

    yield do
    server.release.set()


@each_method
def test_statuses_that_pass(twin: Any, server: Any, method: str, key: Any, again: bool) -> None:
    for status in RETRIED:
        server.answer(status)
        outcome = twin.call(server.url, "request", method, "/", client=TWICE, **key)
        assert (outcome.error is None) == again
        assert len(outcome.events) == (2 if again else 1)


@each_method
def test_any_other_status_once(twin: Any, server: Any, method: str, key: Any, again: bool) -> None:
    for status in STATUSES:
        server.answer(status)
        outcome = twin.call(server.url, "request", method, "/", client=TWICE, **key)
        assert (outcome.error.status, len(outcome.events)) == (status, 1)


@each_method
def test_a_certificate_that_is_not_accepted_once(
    twin: Any, impostor: str, method: str, key: Any, again: bool
) -> None:
    outcome = twin.call(impostor, "request", method, "/", client=TWICE, **key)
    assert type(outcome.error) is exceptions.TlsError
    assert (outcome.error.attempts, outcome.naps) == (1, [])


class Stale:
    """Was refused for a reason that it knows."""

    def authorize(self, request: HttpRequest) -> HttpRequest:
        return replace(request, headers={**request.headers, "Authorization": "x"})

    def recover(self, answer: Any) -> bool:
        return True


@each_method
def test_a_stale_signature_once_more_and_without_a_wait(
    twin: Any, server: Any, method: str, key: Any, again: bool
) -> None:
    server.answer(403)
    options: dict[str, Any] = {"auth": Stale(), "retry": RetryPolicy(attempts=1)}
    outcome = twin.call(server.url, "request", method, "/", client=options, **key)
    assert (outcome.value.attempts, outcome.naps) == (2, [])


def test_a_body_that_cannot_be_rewound_is_sent_once_whatever_comes(twin: Any, server: Any) -> None:
    for status in (503, 403):
        server.answer(status)
        body, options = iter([b"a", b"b"]), {"auth": Stale()}
        outcome = twin.call(server.url, "request", "PUT", "/", client=options, body=body)
        assert outcome.error.attempts == 1
    assert len(server.seen) == 2
