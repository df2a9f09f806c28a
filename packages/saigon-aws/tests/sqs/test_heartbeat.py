"""What is held stays hidden; what was dropped is left alone."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs._worker.heartbeat import LONGEST_HOLD, Heartbeat

LONG = 10


class Hides:
    """Notes what is extended, and by how much; a test waits for the next time."""

    def __init__(
        self, lost: Sequence[ReceivedMessage] = (), unknown: Sequence[ReceivedMessage] = ()
    ) -> None:
        self.calls: list[list[str]] = []
        self.seconds: list[int] = []
        self._lost, self._unknown = lost, unknown
        self._called = threading.Semaphore(0)

    def __call__(
        self, waits: Sequence[tuple[ReceivedMessage, int]]
    ) -> tuple[list[ReceivedMessage], list[ReceivedMessage]]:
        messages = [message for message, _ in waits]
        self.calls.append([message.message_id for message in messages])
        self.seconds += [seconds for _, seconds in waits]
        self._called.release()
        return (
            [message for message in messages if message in self._lost],
            [message for message in messages if message in self._unknown],
        )

    def wait(self) -> None:
        assert self._called.acquire(timeout=LONG)


def message(name: str) -> ReceivedMessage:
    return ReceivedMessage(name, receipt_handle=f"handle of {name}", body="")


class Clock:
    """Stands still, and moves by a whole half-life at each request."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_held_messages_are_extended_again_and_again() -> None:
    hides = Hides()
    heartbeat = Heartbeat(hides, visibility=0)  # half of nothing is due at every moment
    a, b = message("a"), message("b")
    with heartbeat.holding([a, b]):
        hides.wait()
        hides.wait()
    assert hides.calls[0] == ["a", "b"]


def test_nothing_is_extended_after_a_drop() -> None:
    hides = Hides()
    heartbeat = Heartbeat(hides, visibility=0)
    heartbeat.hold([message("a")])
    hides.wait()
    heartbeat.drop([message("a")])
    seen = len(hides.calls)
    heartbeat.hold([message("b")])
    hides.wait()
    heartbeat.close()
    assert all(call == ["a"] for call in hides.calls[:seen])
    assert all(call == ["b"] for call in hides.calls[seen:])


def test_nothing_is_extended_before_half_of_the_time() -> None:
    clock, hides = Clock(), Hides()
    heartbeat = Heartbeat(hides, visibility=60, clock=clock)
    heartbeat.hold([message("a")])
    clock.now = 29.0
    heartbeat.drop([message("b")])  # wakes the thread, which finds nothing due
    heartbeat.hold([message("c")])
    clock.now = 31.0
    heartbeat.drop([message("b")])
    hides.wait()
    heartbeat.close()
    assert hides.calls == [["a"]]


def test_a_message_that_was_lost_is_held_no_longer() -> None:
    a, b = message("a"), message("b")
    hides = Hides(lost=[a])
    heartbeat = Heartbeat(hides, visibility=0)
    with heartbeat.holding([a, b]):
        hides.wait()
        hides.wait()
    assert hides.calls[1] == ["b"]


def test_a_message_whose_request_failed_is_asked_for_again_before_its_visibility_ends() -> None:
    clock, a, b = Clock(), message("a"), message("b")
    hides = Hides(unknown=[a])
    heartbeat = Heartbeat(hides, visibility=60, clock=clock)
    heartbeat.hold([a, b])
    for now in (31.0, 39.0):  # 30 is half of it, and an eighth is 7.5
        clock.now = now
        heartbeat.drop([message(f"of {now}")])  # which wakes the thread
        hides.wait()
        heartbeat.drop([b])  # which waits for the end of the request
    heartbeat.close()
    assert hides.calls == [["a", "b"], ["a"]]


def test_an_error_that_nobody_foresaw_ends_no_hold(caplog: pytest.LogCaptureFixture) -> None:
    failed = threading.Event()
    hides = Hides()

    def hide(waits: Any) -> Any:
        if not failed.is_set():
            failed.set()
            raise RuntimeError
        return hides(waits)

    with Heartbeat(hide, visibility=0).holding([message("a")]):
        hides.wait()
    assert "was not extended" in caplog.text


def test_after_eleven_hours_a_message_is_given_back() -> None:
    clock, hides = Clock(), Hides()
    a, b, c = message("a"), message("b"), message("c")
    heartbeat = Heartbeat(hides, visibility=60, clock=clock)
    heartbeat.hold([a, c])
    clock.now = LONGEST_HOLD + 1
    heartbeat.hold([b])
    heartbeat.drop([message("none")])
    hides.wait()
    heartbeat.drop([c])  # which waits for the end of the request
    assert hides.seconds == [0, 0]
    assert (heartbeat.gave_up(a), heartbeat.gave_up(b)) == (True, False)
    heartbeat.drop([a, b])
    assert not heartbeat.gave_up(a)


def test_a_drop_waits_for_a_request_for_its_message_alone() -> None:
    asked, answer = threading.Event(), threading.Event()

    def hide(_waits: Any) -> Any:
        asked.set()
        assert answer.wait(LONG)
        return (), ()

    heartbeat = Heartbeat(hide, visibility=0)
    heartbeat.hold([message("a")])
    assert asked.wait(LONG)
    heartbeat.drop([message("b")])
    dropping = threading.Thread(target=heartbeat.drop, args=([message("a")],))
    dropping.start()
    dropping.join(0.05)
    assert dropping.is_alive()
    answer.set()
    dropping.join(LONG)
    assert not dropping.is_alive()


def test_what_was_dropped_is_forgotten_while_another_message_is_held() -> None:
    heartbeat = Heartbeat(Hides(), visibility=60)
    with heartbeat.holding([message("a")]):
        for number in range(3_000):
            heartbeat.hold([message(f"m{number}")])
            heartbeat.drop([message(f"m{number}")])
        assert len(heartbeat._due) < 1_100


def test_no_thread_is_left_when_nothing_is_held() -> None:
    heartbeat = Heartbeat(Hides(), visibility=60)
    with heartbeat.holding([message("a")]):
        threads = [thread for thread in threading.enumerate() if thread.name == "heartbeat"]
        assert threads
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive()
