"""Calls in progress that threads share: one of them calls, the others wait for its outcome."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Flights"]

K = TypeVar("K")
V = TypeVar("V")


class _Flight(Generic[V]):
    """One call in progress, and those who wait for it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: V | None = None
        self.error: Exception | None = None


class Flights(Generic[K, V]):
    """The calls in progress, at most one for each key.

    Args:
        lock: Is held while calls are looked up, and by ``keep``.
        keep: Takes the key and the outcome of a call, unless it was forgotten meanwhile.
    """

    def __init__(self, lock: threading.Lock, keep: Callable[[K, V], None]) -> None:
        self._lock = lock
        self._keep = keep
        self._flights: dict[K, _Flight[V]] = {}

    def share(self, key: K, load: Callable[[], V], known: Callable[[], V | None]) -> V:
        """Return the outcome of the call in progress, or of a new one.

        Args:
            key: Which call.
            load: Makes it.
            known: Gives what a call kept that ended after the caller had looked, or None; is
                called with the lock held.
        """
        while True:
            with self._lock:
                value = known()
                if value is not None:
                    return value
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

    def share_newer(self, key: K, load: Callable[[], V]) -> V:
        """Return the outcome of a call that began after this one did."""
        with self._lock:
            older = self._flights.get(key)
        if older is not None:
            older.done.wait()
        return self.share(key, load, lambda: None)

    def forget(self, chosen: Callable[[K], bool]) -> None:
        """Do not keep the outcome of these calls; whoever holds the lock may call it."""
        for key in [key for key in self._flights if chosen(key)]:
            del self._flights[key]

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
            # A flight that was forgotten meanwhile may carry what must not be kept.
            if self._flights.get(key) is flight:
                del self._flights[key]
                if flight.value is not None:
                    self._keep(key, flight.value)
        flight.done.set()
