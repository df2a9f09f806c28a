"""Send calls through a session of ``requests``: again where that is safe, errors made ours."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import requests
from tenacity import Retrying

from saigon.rest._calls.answers import Answer, Sent
from saigon.rest._calls.authorization import Authorization
from saigon.rest._calls.call import Call, Hook
from saigon.rest._calls.failures import in_time, status_error
from saigon.rest._calls.journey import MAX_REDIRECTS, Journey
from saigon.rest._calls.retry import RetryPolicy
from saigon.rest._calls.telling import Telling
from saigon.rest._calls.tries import loop_settings
from saigon.rest._requests.auth import FinishingAuth
from saigon.rest._requests.connections import Times, keeping_to
from saigon.rest._requests.logs import secrets_unlogged
from saigon.rest._requests.receiving import read_answer
from saigon.rest._requests.sessions import send_unfollowed
from saigon.rest._requests.translation import FOREIGN, translated
from saigon.rest.exceptions import InvalidRequestError, ResponseTooLargeError, TransportError


@dataclass(frozen=True)
class Sender:
    """Send calls through one session."""

    session: requests.Session
    auth: FinishingAuth
    authorization: Authorization
    retry: RetryPolicy
    hooks: Sequence[Hook]
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    rng: random.Random
    max_response_bytes: int
    closed: threading.Event = field(default_factory=threading.Event)

    def send(self, call: Call) -> Sent:
        """Send a call until it is answered for good.

        Raises:
            InvalidRequestError: The method or a header cannot stand in a request, or the client is
                closed.
            StatusError: The answer is not a success.
            TransportError: No whole answer came.
            ResponseTooLargeError: The answer is longer than allowed.
        """
        return self.open(call).sent

    def open(self, call: Call) -> "Opened":
        """Send a call likewise; the body of a stream is still to be read."""
        self.refuse_closed()
        call.refuse_unsendable()
        with self.authorization.one_caller():
            return _Sending(self, Journey(call)).run()

    def refuse_closed(self) -> None:
        """Refuse what comes after the end.

        Raises:
            InvalidRequestError: The client is closed.
        """
        if self.closed.is_set():
            raise InvalidRequestError("the client is closed; make a new one")


@dataclass(frozen=True, slots=True)
class Opened:
    """What came of a call, and the response whose body is still to be read if it is a stream."""

    sent: Sent
    response: requests.Response
    journey: Journey


@dataclass
class _Sending:
    """One call under way."""

    sender: Sender
    journey: Journey
    response: requests.Response = field(init=False)

    def run(self) -> Opened:
        answer = self._answered()
        for _ in range(MAX_REDIRECTS):
            if not self.journey.turn(answer):
                break
            answer = self._answered()
        if answer.is_success:
            sent = Sent(answer, self.journey.attempts, self.journey.elapsed)
            return Opened(sent, self.response, self.journey)
        raise status_error(answer, attempts=self.journey.attempts, now=self.sender.clock())

    def _answered(self) -> Answer:
        answer = self._tried()
        if self.journey.may_recover and self.sender.authorization.recover(answer):
            self.journey.recover()
            return self._tried()
        return answer

    def _tried(self) -> Answer:
        sender = self.sender
        settings = loop_settings(
            self.journey,
            sender.retry,
            is_closed=sender.closed.is_set,
            clock=sender.clock,
            rng=sender.rng,
        )
        answer: Answer = Retrying(sleep=sender.sleep, **settings)(self._try)
        return answer

    def _try(self) -> Answer:
        if self.sender.closed.is_set():
            raise self.journey.abandoned()
        call = self.journey.begin_try()
        telling = Telling(call, self.journey.attempts, self.sender.hooks)
        try:
            answer = self._exchange(call)
        except (TransportError, ResponseTooLargeError) as exc:
            telling.failed(exc)
            raise
        try:
            telling.answered(answer)
        except BaseException:
            self.response.close()
            raise
        return answer

    def _exchange(self, call: Call) -> Answer:
        try:
            self.response = self._respond(call)
            return read_answer(
                self.response, call, self.journey, limit=self.sender.max_response_bytes
            )
        except FOREIGN as exc:
            error = translated(exc, call.told)
        # Without its cause: the text of requests' errors holds the query.
        raise in_time(error, self.journey)

    def _respond(self, call: Call) -> requests.Response:
        session = self.sender.session
        prepared = session.prepare_request(
            requests.Request(
                call.method, call.url, headers=call.headers, data=call.body, auth=self.sender.auth
            )
        )
        settings = session.merge_environment_settings(
            prepared.url, {}, stream=True, verify=None, cert=None
        )
        # Whatever authorizes may have taken its time.
        self.journey.refuse_late()
        connect, read = call.timeout if isinstance(call.timeout, tuple) else (call.timeout,) * 2
        left = self.journey.time_left
        if left is not None:
            connect, read = min(connect, left), min(read, left)
        until = None if left is None else time.monotonic() + left
        with secrets_unlogged(), keeping_to(Times(read, until)):
            return send_unfollowed(session, prepared, timeout=(connect, read), **settings)
