"""When a call is made again, and after how long."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from tenacity import RetryCallState

from saigon.model.http import IDEMPOTENCY_KEY_HEADER
from saigon.rest._calls.answers import Answer
from saigon.rest.exceptions import ConfigurationError, ConnectError, TlsError, TransportError

IDEMPOTENT_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"})
RETRIED_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504})

_MOST_DOUBLINGS: Final = 100


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a call is made again.

    A connection that was never made is tried again for any method. Statuses 408, 429, 500, 502,
    503 and 504, resets and timeouts only for idempotent methods, or with an ``Idempotency-Key``:
    the server may have done what it could not tell of. A server that closes a kept connection just
    as the next call goes out on it looks the same, and is treated so.

    Raises:
        ConfigurationError: A value cannot work.
    """

    attempts: int = 4
    """How many times a call is sent at most; 1 for no retries.

    Redirects, and a signature that is made anew, come on top.
    """

    base_delay: float = 0.2
    """Seconds: the wait before the n-th retry is random up to ``base_delay * 2**(n-1)``."""

    max_delay: float = 8.0
    """Seconds that this random wait never exceeds."""

    max_retry_after: float = 30.0
    """Seconds of a ``Retry-After`` to sit out; an answer that asks for more is not retried."""

    def __post_init__(self) -> None:
        delays = (self.base_delay, self.max_delay, self.max_retry_after)
        sound = all(math.isfinite(delay) and delay >= 0 for delay in delays)
        if not sound or self.attempts < 1:
            raise ConfigurationError("expected at least one attempt and no negative delay")

    def wants_retry(self, state: RetryCallState, *, repeatable: bool, now: datetime) -> bool:
        """Judge the outcome of one try."""
        outcome = state.outcome
        if outcome is None:
            return False
        error = outcome.exception()
        if error is not None:
            return isinstance(error, ConnectError) or (
                repeatable and isinstance(error, TransportError) and not isinstance(error, TlsError)
            )
        answer: Answer = outcome.result()
        if not repeatable or answer.status not in RETRIED_STATUSES:
            return False
        return (retry_after(answer.headers, now) or 0) <= self.max_retry_after

    def delay(self, state: RetryCallState, *, now: datetime, rng: random.Random) -> float:
        """Return the seconds to wait: what the server asks for, else full jitter."""
        outcome = state.outcome
        if outcome is not None and not outcome.failed:
            asked = retry_after(outcome.result().headers, now)
            if asked:
                return asked
        ceiling = self.base_delay * 2.0 ** min(state.attempt_number - 1, _MOST_DOUBLINGS)
        return rng.uniform(0, min(self.max_delay, ceiling))


def is_repeatable(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a request may be sent again although the server may have acted on it."""
    return method.upper() in IDEMPOTENT_METHODS or any(
        name.lower() == IDEMPOTENCY_KEY_HEADER.lower() for name in headers
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read ``Retry-After`` in either form, as seconds from now.

    See Also:
        https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    moment = http_date(value)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def http_date(value: str) -> datetime | None:
    """Read a header's date, aware; None where it is none, whatever a server wrote there."""
    try:
        moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
