"""Read what came over ``requests``, in bounded memory and time."""

from contextlib import suppress
from dataclasses import replace
from typing import Final

import requests
from requests import exceptions as foreign

from saigon.rest._calls.answers import Answer, charset_of
from saigon.rest._calls.call import Call
from saigon.rest._calls.journey import Journey
from saigon.rest._calls.streams import length_of
from saigon.rest._calls.urls import without_query
from saigon.rest.exceptions import RequestTimeoutError, ResponseTooLargeError

_PIECE: Final = 64 * 1024
_ERROR_BODY_KEPT: Final = 64 * 1024
_OK: Final = 200


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
        if answer.status < _OK:
            # Another answer may follow on this connection, and would be taken for the next call's.
            response.raw.close()
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
        charset=charset_of(response.headers),
        sent_headers=response.request.headers,
    )


def _whole_body(response: requests.Response, answer: Answer, journey: Journey, limit: int) -> bytes:
    if answer.method != "HEAD" and (length_of(answer.headers) or 0) > limit:
        raise _too_large(answer, limit)
    body = bytearray()
    for piece in response.iter_content(_PIECE):
        body += piece
        if len(body) > limit:
            raise _too_large(answer, limit)
        if journey.time_left == 0:
            raise RequestTimeoutError(f"{answer}, but {journey.out_of_time}")
    return bytes(body)


def _too_large(answer: Answer, limit: int) -> ResponseTooLargeError:
    return ResponseTooLargeError(
        f"{answer} with more than {limit} bytes; read it as a stream, or raise the limit",
        status=answer.status,
        request_id=answer.request_id,
    )


def _beginning(response: requests.Response, journey: Journey) -> bytes:
    # An error's body is read for its problem document, however long or broken it is.
    body = bytearray()
    with suppress(foreign.RequestException):
        for piece in response.iter_content(_PIECE):
            body += piece
            if len(body) >= _ERROR_BODY_KEPT or journey.time_left == 0:
                break
    return bytes(body[:_ERROR_BODY_KEPT])
