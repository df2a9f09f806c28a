"""Send calls through a session of ``requests``: again where that is safe, errors made ours."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import requests
from requests import exceptions as foreign
from tenacity import Retrying

from saigon.rest._calls.answers import Answer, Sent
from saigon.rest._calls.authorization import Authorization
from saigon.rest._calls.call import Call, Hook
from saigon.rest._calls.failures import status_error
from saigon.rest._calls.journey import MAX_REDIRECTS, Journey
from saigon.rest._calls.retry import RetryPolicy
from saigon.rest._calls.telling import Telling
from saigon.rest._calls.tries import loop_settings
from saigon.rest._calls.urls import without_query
from saigon.rest._requests.receiving import read_answer
from saigon.rest._requests.sessions import FinishingAuth
from saigon.rest._requests.translation import translated
from saigon.rest.exceptions import TransportError


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

    def send(self, call: Call) -> Sent:
        """Send a call until it is answered for good.

        Raises:
            InvalidRequestError: The method or a header cannot stand in a request.
            StatusError: The answer is not a success.
            TransportError: No whole answer came.
            ResponseTooLargeError: The answer is longer than allowed.
        """
        return self.open(call)[0]

    def open(self, call: Call) -> tuple[Sent, requests.Response]:
        """Send a call likewise; the body of a stream is still to be read."""
        call.refuse_unsendable()
        with self.authorization.one_caller():
            return _Sending(self, Journey(call)).run()


@dataclass
class _Sending:
    """One call under way."""

    sender: Sender
    journey: Journey
    response: requests.Response = field(init=False)

    def run(self) -> tuple[Sent, requests.Response]:
        answer = self._answered()
        for _ in range(MAX_REDIRECTS):
            if not self.journey.turn(answer):
                break
            answer = self._answered()
        if answer.is_success:
            return Sent(answer, self.journey.attempts, self.journey.elapsed), self.response
        raise status_error(answer, attempts=self.journey.attempts, now=self.sender.clock())

    def _answered(self) -> Answer:
        answer = self._tried()
        if self.journey.is_rewindable and self.sender.authorization.recover(answer):
            return self._tried()
        return answer

    def _tried(self) -> Answer:
        sender = self.sender
        settings = loop_settings(self.journey, sender.retry, clock=sender.clock, rng=sender.rng)
        answer: Answer = Retrying(sleep=sender.sleep, **settings)(self._try)
        return answer

    def _try(self) -> Answer:
        call = self.journey.begin_try()
        telling = Telling(call, self.journey.attempts, self.sender.hooks)
        try:
            answer = self._exchange(call)
        except TransportError as exc:
            telling.failed(exc)
            raise
        telling.answered(answer)
        return answer

    def _exchange(self, call: Call) -> Answer:
        try:
            self.response = self._respond(call)
            return read_answer(
                self.response, call, self.journey, limit=self.sender.max_response_bytes
            )
        except foreign.RequestException as exc:
            error = translated(exc, f"{call.method} {without_query(call.url)}")
        # Without its cause: the text of requests' errors holds the query.
        raise error

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
        return session.send(
            prepared, timeout=self._timeout(call), allow_redirects=False, **settings
        )

    def _timeout(self, call: Call) -> tuple[float, float]:
        connect, read = call.timeout if isinstance(call.timeout, tuple) else (call.timeout,) * 2
        left = self.journey.time_left
        return (connect, read) if left is None else (min(connect, left), min(read, left))
