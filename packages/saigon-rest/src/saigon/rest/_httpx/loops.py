"""The event loop that a client belongs to."""

import asyncio

from saigon.rest.exceptions import InvalidRequestError


class OneLoop:
    """The loop that first used a client: its connections do not work in another."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def enter(self) -> None:
        """Take the running loop, or refuse it where it is another.

        Raises:
            InvalidRequestError: Another loop has used the client before.
        """
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
        elif self._loop is not running:
            raise InvalidRequestError(
                "another event loop has used this client: make a client within each loop"
            )
