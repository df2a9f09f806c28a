"""A client of SQS in this process, whose queue makes its messages when they are received."""

import threading
import time
from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

from tools.bench.sales import new_body

__all__ = ["GeneratedQueue"]

_RECEIVE: Final = 10
_EMPTY_SECONDS: Final = 0.05  # that a receive of an empty queue waits


class GeneratedQueue:
    """Gives so many messages, each once, and sets an event when all of them are deleted."""

    def __init__(self, messages: int, emptied: threading.Event) -> None:
        self._left = messages
        self._kept = messages
        self._emptied = emptied
        self._lock = threading.Lock()

    def receive_message(self, **_request: Any) -> dict[str, Any]:
        """Return up to ten new messages."""
        with self._lock:
            count = min(_RECEIVE, self._left)
            self._left -= count
        if not count:
            time.sleep(_EMPTY_SECONDS)
        return {"Messages": [_message(number) for number in range(count)]}

    def delete_message_batch(self, *, Entries: Sequence[Any], **_request: Any) -> dict[str, Any]:  # noqa: N803  # SQS's name
        """Count the messages as done."""
        with self._lock:
            self._kept -= len(Entries)
            if not self._kept:
                self._emptied.set()
        return {}

    def change_message_visibility_batch(self, **_request: Any) -> dict[str, Any]:
        """Do nothing: no message comes again."""
        return {}

    def get_queue_attributes(self, **_request: Any) -> dict[str, Any]:
        """Return that bad messages would have somewhere to go."""
        return {"Attributes": {"RedrivePolicy": "{}"}}

    def send_message(self, **_request: Any) -> dict[str, Any]:
        """Refuse: no message is bad."""
        raise AssertionError("a message was dead-lettered")


def _message(number: int) -> dict[str, Any]:
    return {
        "MessageId": str(uuid4()),
        "ReceiptHandle": uuid4().hex,
        "Body": new_body(number),
        "Attributes": {"ApproximateReceiveCount": "1"},
    }
