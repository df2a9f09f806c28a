"""What a FIFO queue remembers for five minutes: deduplication ids and receive attempts."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

ValueT = TypeVar("ValueT")

_SECONDS: Final = 300


class Memory(Generic[ValueT]):
    """Values by their ids, each for five minutes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._values: dict[str, tuple[float, ValueT]] = {}

    def recall(self, key: str | None) -> ValueT | None:
        """Return what was kept under this id."""
        self._forget()
        kept = self._values.get(key or "")
        return None if kept is None else kept[1]

    def keep(self, key: str | None, value: ValueT) -> None:
        """Keep a value under an id, if there is one."""
        if key:
            self._values.pop(key, None)  # so that the oldest stays the first
            self._values[key] = (self._clock() + _SECONDS, value)

    def _forget(self) -> None:
        while self._values:
            key = next(iter(self._values))
            if self._values[key][0] > self._clock():
                return
            del self._values[key]
