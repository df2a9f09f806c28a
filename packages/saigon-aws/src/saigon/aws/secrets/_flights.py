"""Calls in progress that threads share: one of them calls, the others wait for its outcome."""

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from saigon.aws._clients import OncePerProcess
from saigon.aws.secrets._fetch import SecretKey
from saigon.aws.secrets._value import SecretValue
from saigon.aws.secrets.exceptions import SecretError

__all__ = ["Flights", "Load"]

Load = Callable[[Sequence[SecretKey]], Mapping[SecretKey, SecretValue]]
"""Asks for secrets, and returns all of them."""

_LOOK: Final = 1.0  # second between two looks at whether the thread that calls is still there


@dataclass(eq=False, slots=True)
class _Flight:
    """One call in progress, and those who wait for it."""

    keys: list[SecretKey] = field(default_factory=list)
    load: "Load | None" = None
    owner: threading.Thread = field(default_factory=threading.current_thread)
    done: threading.Event = field(default_factory=threading.Event)
    unwanted: set[SecretKey] = field(default_factory=set)
    values: Mapping[SecretKey, SecretValue] = field(default_factory=dict, repr=False)
    error: Exception | None = None
    is_calling: bool = False

    def wait(self) -> None:
        """Return when the call has ended, or will never end."""
        while not self.done.wait(_LOOK) and self.owner.is_alive():
            pass

    def is_of_this_thread(self) -> bool:
        return self.owner is threading.current_thread()

    def is_lost(self) -> bool:
        """Tell whether it was interrupted so that it could not even say so."""
        if self.is_of_this_thread():
            return not self.is_calling
        return not self.owner.is_alive()


@dataclass(frozen=True, slots=True)
class _Process:
    """The calls of one process; those of a parent never end in its forked child."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    flights: dict[SecretKey, _Flight] = field(default_factory=dict)


def _own(error: Exception) -> Exception:
    """Return an error for this thread to raise: tracebacks and contexts are not to be shared."""
    return copy.copy(error) if isinstance(error, SecretError) else error


class Flights:
    """The calls in progress, at most one for each secret and version.

    Args:
        keep: Takes what a call brought, unless it was forgotten meanwhile.
    """

    def __init__(self, keep: Callable[[SecretKey, SecretValue], None]) -> None:
        self._keep = keep
        self._process: OncePerProcess[_Process] = OncePerProcess(_Process)

    def share(
        self,
        keys: Sequence[SecretKey],
        load: Load,
        known: Callable[[SecretKey], SecretValue | None],
    ) -> dict[SecretKey, SecretValue]:
        """Return the outcome of the calls in progress, and of a new one for the rest.

        Args:
            keys: Which secrets.
            load: Asks for some of them.
            known: Gives what a call kept that ended after the caller had looked, or None.

        Raises:
            SecretError: What ``load`` raises; or this thread asks while it is asking already.
        """
        found: dict[SecretKey, SecretValue] = {}
        while len(found) < len(keys):
            missing = [key for key in keys if key not in found]
            for flight in self._lead(missing, load, known, found):
                flight.wait()
                if (
                    flight.error is not None
                    and flight.load == load
                    and set(flight.keys) <= set(keys)
                ):
                    raise _own(flight.error)
                # Where it was interrupted, asked in another way, or for another secret in vain, it
                # is tried again.
                found |= {key: flight.values[key] for key in missing if key in flight.values}
        return found

    def share_newer(self, key: SecretKey, load: Load) -> SecretValue:
        """Return the outcome of a call that began after this one did."""
        older = self._process.get().flights.get(key)
        if older is not None and not older.is_of_this_thread():
            older.wait()
        return self.share([key], load, lambda _: None)[key]

    def forget(self, chosen: Callable[[SecretKey], bool], kept: Callable[[], None]) -> None:
        """Do not keep the outcome of these calls.

        Args:
            chosen: Tells which.
            kept: Forgets what was kept, while no call can end.
        """
        process = self._process.get()
        with process.lock:
            kept()
            for key in [key for key in process.flights if chosen(key)]:
                process.flights.pop(key).unwanted.add(key)

    def run_alone(self, work: Callable[[], None]) -> None:
        """Do something while no call can end."""
        with self._process.get().lock:
            work()

    def _lead(
        self,
        keys: Sequence[SecretKey],
        load: Load,
        known: Callable[[SecretKey], SecretValue | None],
        found: dict[SecretKey, SecretValue],
    ) -> list[_Flight]:
        """Call for what nobody calls for, and return the calls of others."""
        flight = _Flight(load=load)
        try:
            others = self._register(flight, keys, known, found)
            if flight.keys:
                flight.is_calling = True
                flight.values = load(flight.keys)
                found |= flight.values
        except Exception as error:
            flight.error = error
            raise
        finally:
            flight.is_calling = False
            self._land(flight)
        return others

    def _register(
        self,
        flight: _Flight,
        keys: Sequence[SecretKey],
        known: Callable[[SecretKey], SecretValue | None],
        found: dict[SecretKey, SecretValue],
    ) -> list[_Flight]:
        process = self._process.get()
        with process.lock:
            found |= {key: value for key in keys if (value := known(key)) is not None}
            missing = [key for key in keys if key not in found]
            others = {key: process.flights[key] for key in missing if key in process.flights}
            others = {key: other for key, other in others.items() if not other.is_lost()}
            for key, other in others.items():
                if other.is_of_this_thread():
                    text = f"{key.name!r} is being asked for by this very thread"
                    raise SecretError(text, secret_names=(key.name,))
            flight.keys += [key for key in missing if key not in others]
            process.flights.update(dict.fromkeys(flight.keys, flight))
        return list(others.values())

    def _land(self, flight: _Flight) -> None:
        process = self._process.get()
        try:
            with process.lock:
                for key in flight.keys:
                    if process.flights.get(key) is flight:
                        del process.flights[key]
                for key in flight.keys:
                    if key in flight.values and key not in flight.unwanted:
                        self._keep(key, flight.values[key])
        finally:
            flight.done.set()
