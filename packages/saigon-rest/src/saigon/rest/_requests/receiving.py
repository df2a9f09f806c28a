"""Read what came over ``requests``, in bounded memory and time."""

from contextlib import suppress
from dataclasses import replace
from typing import Final

import requests
from requests import exceptions as foreign

from saigon.rest._calls.answers import Answer
from saigon.rest._calls.call import Call
from saigon.rest._calls.journey import Journey
from saigon.rest._calls.urls import without_query
from saigon.rest.exceptions import RequestTimeoutError, ResponseTooLargeError

_PIECE: Final = 64 * 1024
_ERROR_BODY_KEPT: Final = 64 * 1024


def read_answer(response: requests.Response, call: Call, journey: Journey, *, limit: int) -> Answer:
    """Read an answer; of a stream that is a success, all but its body.

    Raises:
        ResponseTooLargeError: The body is longer than ``limit`` bytes.
        RequestTimeoutError: The time of the whole call is up.
        RequestException: The body of a success broke off.
    """
    answer = answer_of(response, call)
    if call.stream and answer.is_success:
        return answer
    with response:
        if answer.is_success:
            return replace(answer, body=_whole_body(response, answer, journey, limit))
        return replace(answer, body=_beginning(response, journey))


def answer_of(response: requests.Response, call: Call) -> Answer:
    """Take the facts out of a response."""
    return Answer(
        method=call.method,
        url=without_query(call.url),
        status=response.status_code,
        headers=response.headers,
        charset=response.encoding,
        authorization=str(response.request.headers.get("Authorization", "")),
    )


def _whole_body(response: requests.Response, answer: Answer, journey: Journey, limit: int) -> bytes:
    body = bytearray()
    for piece in response.iter_content(_PIECE):
        body += piece
        if len(body) > limit:
            raise ResponseTooLargeError(f"{answer} with more than {limit} bytes")
        if journey.time_left == 0:
            raise RequestTimeoutError(f"{answer}, but not in time")
    return bytes(body)


def _beginning(response: requests.Response, journey: Journey) -> bytes:
    # An error's body is read for its problem document, however long or broken it is.
    body = bytearray()
    with suppress(foreign.RequestException):
        for piece in response.iter_content(_PIECE):
            body += piece
            if len(body) >= _ERROR_BODY_KEPT or journey.time_left == 0:
                break
    return bytes(body[:_ERROR_BODY_KEPT])
