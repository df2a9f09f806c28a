"""Make boto3 clients where none was handed in; boto3 is imported only then."""

import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config

__all__ = ["make_client", "shared_client"]


@dataclass(frozen=True, slots=True)
class _Shared:
    """A client, and what it was made under."""

    client: Any = field(repr=False)
    settings: int


_lock = threading.Lock()
_shared: dict[str, _Shared] = {}


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

    It is made again in a forked child, which must not share connections, and where one of the
    AWS variables of the environment has changed since.
    """
    settings = _settings()
    with _lock:
        known = _shared.get(service)
        if known is None or known.settings != settings:
            known = _shared[service] = _Shared(make_client(service), settings)
        return known.client


def _settings() -> int:
    # A hash, so that the credentials among the variables are not kept a second time.
    variables = ((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))
    return hash((os.getpid(), frozenset(variables)))
