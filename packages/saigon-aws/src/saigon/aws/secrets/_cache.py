"""Values that are asked for once, however many threads miss them at once."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from saigon.aws.secrets._flights import Flights

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


@dataclass(frozen=True, slots=True)
class _Batch(Generic[K, V]):
    """Values that were loaded together, and what was known of them before."""

    before: Mapping[K, _Entry[V] | None] = field(repr=False)
    values: Mapping[K, V] = field(repr=False)


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
        self._lock = threading.Lock()
        self._flights: Flights[K, V] = Flights(self._lock, self._keep)
        self._batches: Flights[tuple[K, ...], _Batch[K, V]] = Flights(self._lock, self._keep_batch)

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
            return self._flights.share(key, load, lambda: self.fresh(key))
        except self._stale_for:
            stale = self._stale(key)
            if stale is None:
                raise
            return stale

    def fresh(self, key: K) -> V | None:
        """Return a value that is remembered and not past its time, or None."""
        return self._within(key, 0)

    def get_many(
        self, keys: Sequence[K], load: Callable[[Sequence[K]], Mapping[K, V]]
    ) -> dict[K, V]:
        """Return several values, loading together those that are not fresh.

        Args:
            keys: Which values.
            load: Makes all that it is given; threads that miss the same ones share a call.
        """
        found = _present(keys, self.fresh)
        missing = tuple(key for key in keys if key not in found)
        if not missing:
            return found
        try:
            return found | self._load_many(missing, load)
        except self._stale_for:
            stale = _present(missing, self._stale)
            if len(stale) < len(missing):
                raise
            return found | stale

    def reload(self, key: K, load: Callable[[], V]) -> V:
        """Return a value whose loading began after this call did, and keep it."""
        return self._flights.share_newer(key, load)

    def drop(self, chosen: Callable[[K], bool]) -> None:
        """Forget values, also those whose loading is in progress."""
        with self._lock:
            for key in [key for key in self._entries if chosen(key)]:
                del self._entries[key]
            self._flights.forget(chosen)
            self._batches.forget(lambda keys: any(map(chosen, keys)))

    def _load_many(
        self, keys: tuple[K, ...], load: Callable[[Sequence[K]], Mapping[K, V]]
    ) -> dict[K, V]:
        def known() -> _Batch[K, V] | None:
            fresh = _present(keys, self.fresh)
            return _Batch({}, fresh) if len(fresh) == len(keys) else None

        def batch() -> _Batch[K, V]:
            before = {key: self._entries.get(key) for key in keys}
            return _Batch(before, load(keys))

        return dict(self._batches.share(keys, batch, known).values)

    def _keep_batch(self, _keys: tuple[K, ...], batch: _Batch[K, V]) -> None:
        for key, value in batch.values.items():
            # Another value came meanwhile: by a refresh, which is newer.
            if self._entries.get(key) is batch.before[key]:
                self._keep(key, value)

    def _keep(self, key: K, value: V) -> None:
        self._entries.pop(key, None)  # the newest stands last
        self._entries[key] = _Entry(value, self._clock.now() + self._clock.lifetime())
        while len(self._entries) > self._max_entries:
            del self._entries[next(iter(self._entries))]

    def _stale(self, key: K) -> V | None:
        return self._within(key, self._clock.grace)

    def _within(self, key: K, grace: float) -> V | None:
        entry = self._entries.get(key)
        if entry is not None and self._clock.now() < entry.fresh_until + grace:
            return entry.value
        return None


def _present(keys: Sequence[K], find: Callable[[K], V | None]) -> dict[K, V]:
    found = ((key, find(key)) for key in keys)
    return {key: value for key, value in found if value is not None}
