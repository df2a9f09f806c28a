"""Make boto3 clients where none was handed in; boto3 is imported only then."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config

__all__ = ["OncePerProcess", "make_client", "shared_client"]

T = TypeVar("T")

_MAX_SHARED: Final = 16


@dataclass(slots=True)
class _Slot(Generic[T]):
    lock: "threading.RLock" = field(default_factory=threading.RLock)
    made: T | None = field(default=None, repr=False)
    is_making: bool = False


class OncePerProcess(Generic[T]):
    """Something that is made once in each process, when it is first asked for.

    A forked child makes its own: it must not share connections, and the parent's lock may have
    been held at that moment.

    Args:
        make: Makes it; one thread calls this while the others wait.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._slots: dict[int, _Slot[T]] = {}

    def get(self) -> T:
        """Return it.

        Raises:
            RuntimeError: It is asked for while it is made, by the thread that makes it: by a
                handler of logs, for instance.
        """
        slot = self._slots.setdefault(os.getpid(), _Slot())
        if slot.made is not None:
            return slot.made
        with slot.lock:
            if slot.made is None:
                slot.made = self._made(slot)
            return slot.made

    def _made(self, slot: _Slot[T]) -> T:
        if slot.is_making:
            raise RuntimeError("what is being made by this thread is not there yet")
        slot.is_making = True
        try:
            return self._make()
        finally:
            slot.is_making = False


_shared: dict[tuple[str, int], OncePerProcess[Any]] = {}


def make_client(
    service: str,
    *,
    region_name: str | None = None,
    endpoint_url: str | None = None,
    session: "Session | None" = None,
    config: "Config | None" = None,
) -> Any:
    """Return a new client of the service, from the session handed in or a new default one.

    A new session, not boto3's shared default one: that one is not safe to use from threads.
    """
    if session is None:
        from boto3.session import Session

        session = Session()
    make: Any = session.client  # typed for literal names alone
    return make(service, region_name=region_name, endpoint_url=endpoint_url, config=config)


def shared_client(service: str) -> Any:
    """Return the process's one client of a service, made when it is first asked for.

    Another one is made where one of the AWS variables of the environment has changed since, but
    not where a file of AWS has.
    """
    # Names first: another thread may take one away. A hash, so that the credentials among the
    # values are not kept a second time.
    names = [name for name in list(os.environ) if name.startswith("AWS_")]
    key = (service, hash(frozenset((name, os.environ.get(name)) for name in names)))
    if key not in _shared and len(_shared) >= _MAX_SHARED:
        _shared.clear()
    return _shared.setdefault(key, OncePerProcess(lambda: make_client(service))).get()
