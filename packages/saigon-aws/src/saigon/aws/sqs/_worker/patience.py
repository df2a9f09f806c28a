"""How long an error is put up with, and how often."""

import itertools
import logging
from typing import Final

from saigon.aws.sqs._backoff import pause
from saigon.aws.sqs._pipeline import REFUSALS
from saigon.aws.sqs.config import ForwarderConfig

_log = logging.getLogger(__name__)

_MAX_REFUSALS: Final = 3


class Patience:
    """Outlasts outages, and asks again where it was refused: a failover can say so, too."""

    def __init__(self, config: ForwarderConfig) -> None:
        self._config = config
        self._attempts = itertools.count()
        self._refusals = 0

    def note(self, error: Exception) -> None:
        """Log an error, and raise it where it is the third refusal in a row."""
        self._refusals = self._refusals + 1 if isinstance(error, REFUSALS) else 0
        if self._refusals == _MAX_REFUSALS:
            raise error
        _log.warning("%s; nothing is received until it is over", error)

    def pause_seconds(self) -> float:
        """Return the seconds until the next attempt: more each time, with jitter."""
        first, longest = self._config.probe_seconds, self._config.max_probe_seconds
        return pause(first, next(self._attempts), longest=longest)
