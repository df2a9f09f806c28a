"""What is held stays hidden; what was dropped is left alone."""

import threading
from collections.abc import Sequence

from saigon.aws.sqs._heartbeat import Heartbeat
from saigon.aws.sqs._messages import ReceivedMessage

LONG = 10


class Hides:
    """Notes what is extended; a test waits for the next time."""

    def __init__(self, lost: Sequence[ReceivedMessage] = ()) -> None:
        self.calls: list[list[str]] = []
        self._lost = lost
        self._called = threading.Semaphore(0)

    def __call__(
        self, messages: Sequence[ReceivedMessage], seconds: int
    ) -> Sequence[ReceivedMessage]:
        self.calls.append([message.message_id for message in messages])
        self._called.release()
        return [message for message in messages if message in self._lost]

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
    heartbeat.hold([message("b")])  # wakes the thread, which finds nothing due
    clock.now = 31.0
    heartbeat.hold([message("c")])
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


def test_no_thread_is_left_when_nothing_is_held() -> None:
    heartbeat = Heartbeat(Hides(), visibility=60)
    with heartbeat.holding([message("a")]):
        threads = [thread for thread in threading.enumerate() if thread.name == "heartbeat"]
        assert threads
    for thread in threads:
        thread.join(LONG)
        assert not thread.is_alive()
