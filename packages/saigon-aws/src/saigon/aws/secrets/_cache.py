"""Secrets that are asked for once, however many threads miss them at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from saigon.aws.secrets._fetch import SecretKey
from saigon.aws.secrets._flights import Flights, Load
from saigon.aws.secrets._value import SecretValue
from saigon.aws.secrets.exceptions import SecretUnavailableError

__all__ = ["CacheClock", "SecretCache"]

_PAUSE: Final = 5.0
"""Seconds for which a value that stands in is served before its source is asked again."""


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
class _Entry:
    value: SecretValue = field(repr=False)
    fresh_until: float
    stale_until: float


class SecretCache:
    """A bounded cache; reading a fresh value takes no lock.

    Args:
        clock: How long values live.
        max_entries: The most values kept; the oldest goes first.
    """

    def __init__(self, clock: CacheClock, *, max_entries: int) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._entries: dict[SecretKey, _Entry] = {}
        self._flights = Flights(self._keep)

    def fresh(self, key: SecretKey) -> SecretValue | None:
        """Return a value that is remembered and not past its time, or None."""
        entry = self._entries.get(key)
        return entry.value if entry is not None and self._clock.now() < entry.fresh_until else None

    def get(self, key: SecretKey, load: Load) -> SecretValue:
        """Return a value, asking for it where it is not fresh."""
        value = self.fresh(key)
        return self.get_many([key], load)[key] if value is None else value

    def get_many(self, keys: Sequence[SecretKey], load: Load) -> dict[SecretKey, SecretValue]:
        """Return several values, asking together for those that are not fresh.

        Args:
            keys: Which values.
            load: Asks for all that it is given; one thread does so while others wait for it.
        """
        known = ((key, self.fresh(key)) for key in keys)
        found = {key: value for key, value in known if value is not None}
        missing = [key for key in keys if key not in found]
        try:
            return found | self._flights.share(missing, load, self.fresh)
        except SecretUnavailableError:
            stale = self._stale(missing)
            if len(stale) < len(missing):
                raise
            return found | stale

    def reload(self, key: SecretKey, load: Load) -> SecretValue:
        """Return a value whose loading began after this call did, and keep it."""
        return self._flights.share_newer(key, load)

    def drop(self, chosen: Callable[[SecretKey], bool]) -> None:
        """Forget values, also those whose loading is in progress."""

        def drop_kept() -> None:
            for key in [key for key in self._entries if chosen(key)]:
                del self._entries[key]

        self._flights.forget(chosen, drop_kept)

    def _keep(self, key: SecretKey, value: SecretValue) -> None:
        fresh_until = self._clock.now() + self._clock.lifetime()
        self._entries.pop(key, None)  # the newest stands last
        self._entries[key] = _Entry(value, fresh_until, fresh_until + self._clock.grace)
        while len(self._entries) > self._max_entries:
            del self._entries[next(iter(self._entries))]

    def _stale(self, keys: Sequence[SecretKey]) -> dict[SecretKey, SecretValue]:
        """Return those that may stand in, and let them do so for a moment without a call."""
        found = {}

        def find() -> None:
            now = self._clock.now()
            for key in keys:
                entry = self._entries.get(key)
                if entry is None or now >= entry.stale_until:
                    continue
                found[key] = entry.value
                until = max(entry.fresh_until, min(now + _PAUSE, entry.stale_until))
                self._entries[key] = _Entry(entry.value, until, entry.stale_until)

        self._flights.run_alone(find)
        return found
