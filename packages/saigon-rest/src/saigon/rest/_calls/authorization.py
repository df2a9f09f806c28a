"""What authorizes calls, and the two more things that some of it can do."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from saigon.rest._calls.answers import Answer

_FORBIDDEN: Final = 403


class Authorization:
    """Ask what was handed in, where it knows how, about a call as a whole."""

    def __init__(self, auth: Any) -> None:
        self._auth = auth

    def one_caller(self) -> AbstractContextManager[object]:
        """Hold on, for all tries of a call, to whom it is made as."""
        one_caller: Callable[[], AbstractContextManager[object]]
        one_caller = getattr(self._auth, "one_caller", nullcontext)
        return one_caller()

    def recover(self, answer: Answer) -> bool:
        """Tell whether a refused request is worth authorizing and sending once more."""
        if answer.status != _FORBIDDEN:
            return False
        recover = getattr(self._auth, "recover", None)
        return recover is not None and bool(recover(answer))
