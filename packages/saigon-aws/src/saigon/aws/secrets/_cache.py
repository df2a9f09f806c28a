"""Values that are asked for once, however many threads miss them at once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

__all__ = ["CacheClock", "SingleFlightCache"]

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class CacheClock:
    """How long a value stays fresh.

    Attributes:
        now: The monotonic time in seconds.
        lifetime: A new value's seconds to live, which may differ from value to value.
        grace: For how many seconds more it may stand in for a value that cannot be had.
    """

    now: Callable[[], float]
    lifetime: Callable[[], float]
    grace: float


@dataclass(frozen=True, slots=True)
class _Entry(Generic[V]):
    value: V = field(repr=False)
    fresh_until: float


class _Flight(Generic[V]):
    """One call in progress, and those who wait for it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: V | None = None
        self.error: Exception | None = None


class SingleFlightCache(Generic[K, V]):
    """A bounded cache; reading a fresh value takes no lock.

    Args:
        clock: How long values live.
        max_entries: The most values kept; the oldest goes first.
        stale_for: The errors that a value past its time may stand in for.
    """

    def __init__(self, clock: CacheClock, *, max_entries: int, stale_for: type[Exception]) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._stale_for = stale_for
        self._entries: dict[K, _Entry[V]] = {}
        self._flights: dict[K, _Flight[V]] = {}
        self._lock = threading.Lock()

    def fresh(self, key: K) -> V | None:
        """Return a value that is fresh, or None."""
        entry = self._entries.get(key)
        if entry is not None and self._clock.now() < entry.fresh_until:
            return entry.value
        return None

    def get(self, key: K, load: Callable[[], V]) -> V:
        """Return a value, loading it where it is not fresh.

        Args:
            key: Which value.
            load: Makes it; one thread calls this while the others wait for its outcome.
        """
        value = self.fresh(key)
        if value is not None:
            return value
        try:
            return self._share(key, load)
        except self._stale_for:
            stale = self._stale(key)
            if stale is None:
                raise
            return stale

    def reload(self, key: K, load: Callable[[], V]) -> V:
        """Return a value whose loading began after this call did, and keep it."""
        with self._lock:
            older = self._flights.get(key)
        if older is not None:
            older.done.wait()
        return self._share(key, load)

    def put(self, key: K, value: V) -> None:
        """Keep a value that was loaded elsewhere."""
        with self._lock:
            self._keep(key, value)

    def drop(self, chosen: Callable[[K], bool]) -> None:
        """Forget values, also those whose loading is in progress."""
        with self._lock:
            _drop(self._entries, chosen)
            _drop(self._flights, chosen)

    def _share(self, key: K, load: Callable[[], V]) -> V:
        while True:
            with self._lock:
                flight = self._flights.get(key)
                leads = flight is None
                if flight is None:
                    flight = self._flights[key] = _Flight()
            if leads:
                return self._lead(key, flight, load)
            flight.done.wait()
            if flight.error is not None:
                raise flight.error
            if flight.value is not None:
                return flight.value
            # Its thread was interrupted: another one has to do it.

    def _lead(self, key: K, flight: _Flight[V], load: Callable[[], V]) -> V:
        try:
            flight.value = load()
        except Exception as error:
            flight.error = error
            raise
        finally:
            self._land(key, flight)
        return flight.value

    def _land(self, key: K, flight: _Flight[V]) -> None:
        with self._lock:
            # A flight that was dropped meanwhile may carry what was forgotten.
            if self._flights.get(key) is flight:
                del self._flights[key]
                if flight.value is not None:
                    self._keep(key, flight.value)
        flight.done.set()

    def _keep(self, key: K, value: V) -> None:
        self._entries.pop(key, None)  # the newest stands last
        self._entries[key] = _Entry(value, self._clock.now() + self._clock.lifetime())
        while len(self._entries) > self._max_entries:
            del self._entries[next(iter(self._entries))]

    def _stale(self, key: K) -> V | None:
        entry = self._entries.get(key)
        if entry is not None and self._clock.now() < entry.fresh_until + self._clock.grace:
            return entry.value
        return None


def _drop(values: dict[K, Any], chosen: Callable[[K], bool]) -> None:
    for key in [key for key in values if chosen(key)]:
        del values[key]
