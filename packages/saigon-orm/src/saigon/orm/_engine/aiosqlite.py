"""SQLite through aiosqlite, where each connection has a thread that works for it."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.exc import MissingGreenlet

from saigon.orm._greenlets import in_greenlet, to_the_end, wait_for

if TYPE_CHECKING:
    from sqlalchemy.engine import ExceptionContext

__all__ = ["prepare_aiosqlite"]

_SECONDS_TO_CLOSE: Final = 1.0


def prepare_aiosqlite(engine: Engine) -> None:
    """Let an engine's connections be closed whatever they are doing.

    After a cancellation the thread may still be in a statement, or wait for another's lock.
    """
    for name in ("do_close", "do_terminate"):
        _close_by_force(engine.dialect, name)
    event.listen(engine, "handle_error", _on_error)


def _close_by_force(dialect: Any, name: str) -> None:
    plain = getattr(dialect, name)

    def close(connection: Any) -> None:
        driver = dialect.get_driver_connection(connection)
        try:
            wait_for(to_the_end(_close(driver), within=_SECONDS_TO_CLOSE))
        except MissingGreenlet:  # the garbage collector found it
            plain(connection)

    setattr(dialect, name, close)


async def _close(driver: Any) -> None:
    await _interrupt(driver)
    await driver.close()


async def _interrupt(driver: Any) -> None:
    with suppress(ValueError):  # it has been closed before
        await driver.interrupt()


def _on_error(context: "ExceptionContext") -> None:
    """Close the cursor of a lost connection, which would keep its transaction and its locks."""
    cursor = getattr(context.execution_context, "cursor", None)
    if context.is_disconnect and context.connection is not None and cursor is not None:
        driver = context.connection.connection.driver_connection
        wait_for(to_the_end(_close_cursor(driver, cursor), within=_SECONDS_TO_CLOSE))


async def _close_cursor(driver: Any, cursor: Any) -> None:
    await _interrupt(driver)
    await in_greenlet(cursor.close)
