"""What is in flight is bounded, and reserved before it is received."""

import threading
from collections.abc import Sequence

import pytest

from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs._worker.buffer import Buffer

LONG = 10


def receive(name: str, count: int = 10, body: str = "") -> Sequence[ReceivedMessage]:
    return [ReceivedMessage(f"{name}{n}", f"handle of {name}{n}", body) for n in range(count)]


def waits(buffer: Buffer) -> threading.Thread:
    """Return a thread that reserves, once it has been seen to wait."""
    thread = threading.Thread(target=buffer.reserve, daemon=True)
    thread.start()
    thread.join(0.05)
    assert thread.is_alive()
    return thread


def goes_on(thread: threading.Thread) -> None:
    thread.join(LONG)
    assert not thread.is_alive()


def test_room_is_for_whole_receives_until_what_fills_it_is_settled() -> None:
    buffer = Buffer(25, 10**9)
    assert buffer.reserve()
    assert buffer.reserve()
    waiting = waits(buffer)
    buffer.fill(receive("a"))
    buffer.fill(receive("b", 6))
    taken = buffer.take(100, 10**9, timeout=0)
    assert waiting.is_alive()  # 16 are taken, and not settled
    buffer.free(taken[:1])
    goes_on(waiting)


def test_an_empty_receive_gives_its_room_back() -> None:
    buffer = Buffer(10, 10**9)
    buffer.reserve()
    waiting = waits(buffer)
    assert buffer.fill([])
    goes_on(waiting)


def test_bytes_bound_what_is_in_flight() -> None:
    buffer = Buffer(10**6, 1000)
    buffer.reserve()
    buffer.fill(receive("a", 1, "x" * 1000))
    waiting = waits(buffer)
    buffer.free(buffer.take(1, 1, timeout=0))
    goes_on(waiting)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [((100, 10**9), "abc"), ((25, 10**9), "ab"), ((1, 10**9), "a"), ((100, 1), "a")],
    ids=["all", "two receives", "never none", "bytes"],
)
def test_whole_receives_are_taken_in_their_order(limits: tuple[int, int], expected: str) -> None:
    buffer = Buffer(100, 10**9)
    for name in "abc":
        buffer.reserve()
        buffer.fill(receive(name))
    taken = buffer.take(*limits, timeout=0)
    assert [m.message_id for m in taken] == [f"{name}{n}" for name in expected for n in range(10)]


def test_in_a_pause_no_room_is_given() -> None:
    buffer = Buffer(100, 10**9)
    buffer.pause()
    waiting = waits(buffer)
    buffer.resume()
    goes_on(waiting)


def test_a_closed_buffer_is_done_when_what_was_reserved_has_come_and_gone() -> None:
    buffer = Buffer(100, 10**9)
    buffer.reserve()
    buffer.close()
    assert not buffer.reserve()
    assert not buffer.is_done
    assert buffer.fill(receive("a"))
    assert not buffer.is_done
    buffer.take(100, 10**9, timeout=0)
    assert buffer.is_done


def test_an_abandoned_buffer_gives_back_what_waits_and_wants_no_more() -> None:
    buffer = Buffer(100, 10**9)
    for name in "ab":
        buffer.reserve()
        buffer.fill(receive(name, 1))
    buffer.reserve()
    assert [m.message_id for m in buffer.abandon()] == ["a0", "b0"]
    assert not buffer.fill(receive("c"))
    buffer.free(receive("c"))
    assert buffer.take(100, 10**9, timeout=0) == ()
    assert buffer.is_done


def test_a_close_ends_waiting() -> None:
    buffer = Buffer(10, 10**9)
    buffer.reserve()
    waiting = waits(buffer)
    buffer.close()
    goes_on(waiting)
