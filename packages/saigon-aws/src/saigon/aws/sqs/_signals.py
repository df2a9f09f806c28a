"""Stop a run by signals."""

import _thread
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stopping_on_signals() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and SIGINT set; the handlers are put back afterwards.

    A second SIGINT interrupts. Outside of the main thread, where Python allows no handlers,
    nothing sets the event.
    """
    stop = threading.Event()

    def set_stop(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGINT and stop.is_set():
            raise KeyboardInterrupt
        # In a thread, because this one may be inside of a method of the event, and hold its lock.
        _thread.start_new_thread(stop.set, ())

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, set_stop) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
