"""Send a call: again where that is safe, along redirects within the origin, errors made ours."""

import logging
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

import requests
from requests import Response
from requests import exceptions as foreign
from tenacity import RetryCallState, Retrying, stop_after_attempt
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

from saigon.rest._calls.bodies import is_rewindable, position
from saigon.rest._calls.answers import request_id, status_error
from saigon.rest._calls.retry import RetryPolicy, is_repeatable
from saigon.rest._requests.sessions import FinishingAuth
from saigon.rest._calls.urls import redirect_target, without_query
from saigon.rest.exceptions import (
    ConnectError,
    InvalidRequestError,
    RequestTimeoutError,
    TlsError,
    TransportError,
)

logger = logging.getLogger(__name__)

Timeout: TypeAlias = float | tuple[float, float]

MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SEE_OTHER: Final = 303
_FORBIDDEN: Final = 403
_SAME_METHOD: Final = frozenset({307, 308})
_REASON_KEPT: Final = 200
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_ERROR_BODY_KEPT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class RestEvent:
    """One try of a call, as hooks are told of it; nothing in it is secret."""

    method: str
    """The HTTP method."""

    url: str
    """The URL without its query."""

    attempt: int
    """Which try of the call it was, from 1."""

    elapsed: float
    """Seconds that this try took."""

    status: int | None = None
    """The answer's status; None where none came."""

    request_id: str | None = None
    """The answer's request id."""

    error: str | None = None
    """The name of the error's class, where no answer came."""


Hook: TypeAlias = Callable[[RestEvent], None]


@dataclass(frozen=True, slots=True)
class Call:
    """One request to make."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Any = field(default=None, repr=False)
    timeout: Timeout = (5.0, 30.0)
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a call."""

    response: Response
    attempts: int
    elapsed: float


class Sender:
    """Send calls through one session."""

    def __init__(
        self,
        session: requests.Session,
        *,
        auth: FinishingAuth,
        retry: RetryPolicy,
        hooks: Sequence[Hook],
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        rng: random.Random,
    ) -> None:
        self.session = session
        self._auth = auth
        self._retry = retry
        self._hooks = tuple(hooks)
        self._clock = clock
        self._sleep = sleep
        self._rng = rng

    def send(self, call: Call) -> Sent:
        """Send a call until it is answered for good.

        Raises:
            InvalidRequestError: The method or a header cannot stand in a request.
            StatusError: The answer is not a success.
            TransportError: No whole answer came.
        """
        _refuse_unsendable(call)
        with self._auth.one_caller():
            return _Sending(self, call).run()

    def try_once(self, call: Call, attempt: int) -> Response:
        """Authorize and send a call once."""
        started = time.monotonic()
        try:
            response = self._exchange(call)
        except TransportError as exc:
            exc.attempts = attempt
            self._tell(call, attempt, started, error=type(exc).__name__)
            raise
        self._tell(call, attempt, started, response=response)
        if call.stream and not response.ok:
            _keep_beginning(response)
        return response

    def _exchange(self, call: Call) -> Response:
        try:
            prepared = self.session.prepare_request(
                requests.Request(
                    call.method, call.url, headers=call.headers, data=call.body, auth=self._auth
                )
            )
            settings = self.session.merge_environment_settings(
                prepared.url, {}, call.stream, None, None
            )
            return self.session.send(
                prepared, timeout=call.timeout, allow_redirects=False, **settings
            )
        except foreign.RequestException as exc:
            error = translated(exc, f"{call.method} {without_query(call.url)}")
        # Without its cause: the text of requests' errors holds the query.
        raise error

    def _tell(
        self,
        call: Call,
        attempt: int,
        started: float,
        *,
        response: Response | None = None,
        error: str | None = None,
    ) -> None:
        event = RestEvent(
            method=call.method,
            url=without_query(call.url),
            attempt=attempt,
            elapsed=time.monotonic() - started,
            status=response.status_code if response is not None else None,
            request_id=request_id(response) if response is not None else None,
            error=error,
        )
        outcome = event.error or event.status
        logger.debug("%s %s: %s (try %d)", event.method, event.url, outcome, attempt)
        for hook in self._hooks:
            hook(event)

    def retrying(self, *, repeatable: bool, attempts_left: int) -> Retrying:
        """Make the loop over the tries of a call."""

        def wants_retry(state: RetryCallState) -> bool:
            return self._retry.wants_retry(state, repeatable=repeatable, now=self._clock())

        def delay(state: RetryCallState) -> float:
            return self._retry.delay(state, now=self._clock(), rng=self._rng)

        return Retrying(
            stop=stop_after_attempt(attempts_left),
            retry=wants_retry,
            wait=delay,
            sleep=self._sleep,
            before_sleep=_release,
            retry_error_callback=_last_outcome,
        )

    @property
    def attempts(self) -> int:
        """How many times a call is sent at most."""
        return self._retry.attempts

    def recovers(self, response: Response) -> bool:
        """Tell whether a refused signature is worth another one."""
        return response.status_code == _FORBIDDEN and self._auth.recover(response)

    def now(self) -> datetime:
        """Return the present time."""
        return self._clock()


class _Sending:
    """The way of one call through its tries and redirects."""

    def __init__(self, sender: Sender, call: Call) -> None:
        self._sender = sender
        self._call = call
        self._attempts = 0
        self._rewindable = is_rewindable(call.body)
        self._position = position(call.body)

    def run(self) -> Sent:
        started = time.monotonic()
        response = self._follow()
        sent = Sent(response, self._attempts, time.monotonic() - started)
        if response.ok and response.status_code not in _REDIRECTS:
            return sent
        with response:
            raise status_error(response, attempts=self._attempts, now=self._sender.now())

    def _follow(self) -> Response:
        response = self._answered()
        for _ in range(MAX_REDIRECTS):
            onward = self._redirected(response)
            if onward is None:
                return response
            response.close()
            self._call = onward
            response = self._answered()
        return response

    def _redirected(self, response: Response) -> Call | None:
        status, location = response.status_code, response.headers.get("Location")
        target = redirect_target(self._call.url, location) if location else None
        if status not in _REDIRECTS or target is None:
            return None
        if status == _SEE_OTHER and self._call.method != "HEAD":
            self._rewindable, self._position = True, None
            return replace(self._call, method="GET", url=target, body=None)
        if self._call.method in {"GET", "HEAD"} or (status in _SAME_METHOD and self._rewindable):
            return replace(self._call, url=target)
        return None

    def _answered(self) -> Response:
        response = self._tried()
        if self._rewindable and self._sender.recovers(response):
            response.close()
            response = self._tried()
        return response

    def _tried(self) -> Response:
        loop = self._sender.retrying(
            repeatable=is_repeatable(self._call.method, self._call.headers),
            attempts_left=self._sender.attempts if self._rewindable else 1,
        )
        response: Response = loop(self._try)
        return response

    def _try(self) -> Response:
        if self._position is not None:
            self._call.body.seek(self._position)
        self._attempts += 1
        return self._sender.try_once(self._call, self._attempts)


def _refuse_unsendable(call: Call) -> None:
    if not _TOKEN.fullmatch(call.method):
        raise InvalidRequestError("the method is not a name such as GET")
    for name, value in call.headers.items():
        try:
            f"{name}{value}".encode("latin-1")
        except UnicodeEncodeError:
            break
    else:
        return
    # Without its cause, which holds the value.
    raise InvalidRequestError(f"the header {name!r} holds a character that HTTP cannot send")


def _keep_beginning(response: Response) -> None:
    # An error's body is read for its problem document, however long it is.
    try:
        beginning = next(response.iter_content(_ERROR_BODY_KEPT), b"")
    except foreign.RequestException:
        beginning = b""
    response._content = beginning  # noqa: SLF001  # requests has no public way to bound it
    response.close()


def _release(state: RetryCallState) -> None:
    if state.outcome is not None and not state.outcome.failed:
        # Give the connection back; what is left of the body is of no use.
        with suppress(foreign.RequestException):
            state.outcome.result().close()


def _last_outcome(state: RetryCallState) -> Any:
    return state.outcome.result() if state.outcome is not None else None


def translated(exc: foreign.RequestException, call: str) -> TransportError | InvalidRequestError:
    """Make an error of ``requests`` ours, with its reason and without the query."""
    if isinstance(exc, ValueError):
        return InvalidRequestError(f"{call}: {type(exc).__name__}")
    inner = _innermost(exc)
    kind = _kind(exc, inner)
    return kind(f"{call}: {type(inner).__name__}: {inner}"[: len(call) + _REASON_KEPT])


def _kind(exc: foreign.RequestException, inner: BaseException) -> type[TransportError]:
    if isinstance(exc, foreign.SSLError):
        return TlsError
    if isinstance(exc, foreign.ReadTimeout) or isinstance(inner, ReadTimeoutError):
        return RequestTimeoutError
    if isinstance(exc, foreign.ConnectTimeout):
        return ConnectError
    if isinstance(inner, (ConnectTimeoutError, NewConnectionError)):
        return ConnectError
    return TransportError


def _innermost(exc: BaseException) -> BaseException:
    while True:
        candidates = [getattr(exc, "reason", None), *reversed(exc.args)]
        inner = next((c for c in candidates if isinstance(c, BaseException)), None)
        if inner is None:
            return exc
        exc = inner
