"""Use a secret while it is being rotated."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from pydantic import BaseModel

from saigon.aws.secrets._value import SecretValue
from saigon.aws.secrets.exceptions import SecretError, SecretUnavailableError

__all__ = ["RotationRetry"]

ModelT = TypeVar("ModelT", bound=BaseModel)
ResultT = TypeVar("ResultT")

PATIENCE: Final = 30.0
"""Seconds after the first refusal in which the secret is tried again.

Between the steps setSecret and finishSecret of a rotation, the current value is no longer
accepted, and the new one not yet current.
See https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_turn-on-for-other.html
"""
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 8.0
_LEAST_SHARE: Final = 0.5  # of a delay; the rest of it is jitter


@dataclass(frozen=True, slots=True)
class _Done(Generic[ResultT]):
    result: ResultT


@dataclass(slots=True, kw_only=True)
class RotationRetry(Generic[ModelT, ResultT]):
    """A use of a secret that is repeated while its value is refused.

    Attributes:
        model_of: Makes the model of a value.
        use: What is done with the model.
        is_refusal: Tells an error of ``use`` that means: not this value.
        current: Gives the value that is remembered.
        newer_than: Gives a value that was asked for after the given one.
        previous: Gives the value before the current one, or None where it is not to be tried.
        clock: The monotonic time in seconds.
        sleep: Waits for so many seconds.
    """

    model_of: Callable[[SecretValue], ModelT]
    use: Callable[[ModelT], ResultT]
    is_refusal: Callable[[Exception], bool]
    current: Callable[[], SecretValue]
    newer_than: Callable[[SecretValue], SecretValue]
    previous: Callable[[], SecretValue] | None
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    refused: list[ModelT] = field(default_factory=list, init=False, repr=False)
    """Models that were refused since the last pause: too many failed logins lock a user out."""

    def run(self) -> ResultT:
        """Return what ``use`` does, or raise what it raised last."""
        value = self.current()
        outcome = self._attempt(self.model_of(value))
        deadline = self.clock() + PATIENCE
        if not isinstance(outcome, _Done):
            value = self._newer_than(value)
            outcome = self._attempt_other(self.model_of(value), outcome)
        if not isinstance(outcome, _Done):
            outcome = self._attempt_previous(outcome)
        if not isinstance(outcome, _Done):
            outcome = self._attempt_until(deadline, value, outcome)
        if isinstance(outcome, _Done):
            return outcome.result
        raise outcome

    def _attempt(self, model: ModelT) -> _Done[ResultT] | Exception:
        try:
            return _Done(self.use(model))
        except Exception as error:
            if not self.is_refusal(error):
                raise
            self.refused.append(model)
            return error

    def _attempt_other(self, model: ModelT, refusal: Exception) -> _Done[ResultT] | Exception:
        return refusal if model in self.refused else self._attempt(model)

    def _attempt_previous(self, refusal: Exception) -> _Done[ResultT] | Exception:
        if self.previous is None:
            return refusal
        try:
            model = self.model_of(self.previous())
        except SecretError:
            return refusal  # there may be none, or one of another shape: it is not what was asked
        return self._attempt_other(model, refusal)

    def _attempt_until(
        self, deadline: float, value: SecretValue, refusal: Exception
    ) -> _Done[ResultT] | Exception:
        delay = _FIRST_DELAY
        outcome: _Done[ResultT] | Exception = refusal
        while not isinstance(outcome, _Done):
            pause = delay * random.uniform(_LEAST_SHARE, 1)  # noqa: S311  # spreads load, guards nothing
            if self.clock() + pause > deadline:
                break
            self.sleep(pause)
            self.refused.clear()
            delay = min(_LONGEST_DELAY, 2 * delay)
            value = self._newer_than(value)
            outcome = self._attempt(self.model_of(value))
        return outcome

    def _newer_than(self, value: SecretValue) -> SecretValue:
        try:
            return self.newer_than(value)
        except SecretUnavailableError:
            return value  # the refusal is the news, not that nobody could be asked
