import random
from collections.abc import Callable
from typing import Any

import pytest

from saigon.rest import exceptions
from saigon.rest._calls.waiting import Condition, Waiting
from saigon.rest.client import RestClientBase


class Time:
    """A clock that goes on only while something waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def waiting(timeout: float, **options: Any) -> tuple[Waiting[Any], Time]:
    clock = Time()
    values = {"until": bool, "fail_when": None, "interval": 1.0, "max_interval": 8.0, **options}
    return Waiting(Condition(timeout, clock=clock, **values), random.Random(7)), clock


def test_waiting_ends_when_the_answer_is_right(client: RestClientBase, naps: list[float]) -> None:
    answers = iter(["new", "new", "done"])
    got = client.wait_for_condition(lambda: next(answers), 60, until=lambda value: value == "done")
    assert got == "done"
    assert 0.25 <= naps[0] <= 0.5 <= naps[1] <= 1.0


def test_a_true_answer_is_right_where_nothing_else_is_said(client: RestClientBase) -> None:
    answers: Any = iter([None, 0, "", ["done"]])
    assert client.wait_for_condition(lambda: next(answers), 60) == ["done"]


def test_pauses_grow_up_to_a_ceiling_and_differ() -> None:
    wait, _ = waiting(1000)
    pauses = [wait.pause_after(None) or 0.0 for _ in range(200)]
    for pause, ceiling in zip(pauses, [1, 2, 4, *[8] * 197], strict=True):
        assert ceiling / 2 <= pause <= ceiling
    assert len(set(pauses)) == 200
    assert max(pauses) > 7.9


def test_the_first_pause_has_the_ceiling_too() -> None:
    wait, _ = waiting(1000, interval=50)
    assert (wait.pause_after(None) or 0) <= 8


def test_the_last_pause_ends_with_the_time() -> None:
    wait, clock = waiting(10)
    for _ in range(4):
        clock.now += wait.pause_after(None) or 0
    left = 1010.0 - clock.now
    assert 0 < left < 4
    assert wait.pause_after(None) == left
    clock.now = 1010.0
    assert wait.pause_after("right") is None
    with pytest.raises(exceptions.WaitTimeoutError, match="in 10 s") as caught:
        wait.pause_after([])
    assert caught.value.last == []


def test_waiting_in_vain_tells_the_last_answer(client: RestClientBase, naps: list[float]) -> None:
    with pytest.raises(exceptions.WaitTimeoutError) as caught:
        client.wait_for_condition(lambda: 0, 0)
    assert (caught.value.last, naps) == (0, [])


def test_an_answer_that_is_right_at_once_needs_no_time(client: RestClientBase) -> None:
    assert client.wait_for_condition(lambda: 1, 0) == 1


def test_waiting_for_what_cannot_come_stops(client: RestClientBase) -> None:
    with pytest.raises(exceptions.WaitFailedError) as caught:
        client.wait_for_condition(lambda: "failed", 60, until=lambda _: False, fail_when=bool)
    assert caught.value.last == "failed"


def test_what_is_right_has_not_failed(client: RestClientBase) -> None:
    assert client.wait_for_condition(lambda: 1, 60, fail_when=bool) == 1


def test_an_error_of_the_condition_goes_through(client: RestClientBase, server: Any) -> None:
    server.answer(404)
    with pytest.raises(exceptions.NotFoundError):
        client.wait_for_condition(lambda: client.request("GET", "/"), 60)


@pytest.mark.parametrize("name", ["timeout", "interval", "max_interval"])
@pytest.mark.parametrize("value", [-1, float("nan")])
def test_a_time_that_is_none_is_refused(client: RestClientBase, name: str, value: float) -> None:
    asked: list[int] = []
    options: Any = {"timeout": 60, name: value}
    condition: Callable[[], None] = lambda: asked.append(1)  # noqa: E731  # typed
    with pytest.raises(exceptions.InvalidRequestError, match="timeout"):
        client.wait_for_condition(condition, **options)
    assert not asked


@pytest.mark.parametrize("name", ["interval", "max_interval"])
def test_asking_without_a_pause_is_refused(client: RestClientBase, name: str) -> None:
    options: Any = {name: 0}
    with pytest.raises(exceptions.InvalidRequestError):
        client.wait_for_condition(lambda: 0, 60, **options)
