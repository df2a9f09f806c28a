"""What a search for a server gives."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

__all__ = ["Found", "Missing", "Service", "connection_error", "named_server"]


@dataclass(frozen=True, slots=True)
class Found:
    """A server that answers, with a login that may create databases."""

    url: str
    """The SQLAlchemy URL of its administrative database, with driver and password."""

    origin: str
    """Where it came from, for people to read."""


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no server."""

    reason: str


Service = Found | Missing


def connection_error(url: URL | str, *, timeout_seconds: int = 3, **options: Any) -> str | None:
    """Log in and ask ``SELECT 1``; return what went wrong, or None where nothing did.

    Args:
        url: Where to.
        timeout_seconds: How long to try.
        **options: Further arguments of the driver.
    """
    arguments = {"connect_timeout": timeout_seconds, **options}
    engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DBAPIError as error:
        return str(error.orig)
    return None


def named_server(variable: str, value: str, *, driver: str) -> Found:
    """Return the server that a variable names, with our driver.

    Raises:
        RuntimeError: It does not answer. Who names a server wants that one and no other.
    """
    url = make_url(value).set(drivername=driver)
    if error := connection_error(url):
        msg = f"expected a server at {variable} ({url.render_as_string()}); it said: {error}"
        raise RuntimeError(msg)
    return Found(url.render_as_string(hide_password=False), variable)
