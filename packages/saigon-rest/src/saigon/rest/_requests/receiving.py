"""Read what came over ``requests``, in bounded memory and time."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import requests
from urllib3.exceptions import ProtocolError

from saigon.rest._calls.answers import Answer, charset_of
from saigon.rest._calls.call import Call
from saigon.rest._calls.decoding import decoder_of
from saigon.rest._calls.failures import too_large
from saigon.rest._calls.journey import Journey
from saigon.rest._calls.streams import length_of
from saigon.rest._calls.urls import without_query
from saigon.rest._requests.translation import FOREIGN
from saigon.rest.exceptions import RequestTimeoutError

_PIECE: Final = 64 * 1024
_ERROR_BODY_KEPT: Final = 64 * 1024
_OK: Final = 200


def read_answer(response: requests.Response, call: Call, journey: Journey, *, limit: int) -> Answer:
    """Read an answer; of a stream that is a success, all but its body.

    Raises:
        ResponseTooLargeError: The body is longer than ``limit`` bytes.
        RequestTimeoutError: The time of the whole call is up.
        RequestException: The body of a success broke off, or another of ``FOREIGN``.
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


def pieces(response: requests.Response, size: int) -> Iterator[bytes]:
    """Give the body, its codings undone, in pieces of at most so many bytes."""
    raw = response.raw
    if raw.closed or not hasattr(raw, "stream"):
        # A hook has read it, or an adapter that is no network gave it: it is undone already.
        yield from response.iter_content(size)
        return
    # Not by urllib3, which takes what was cut short for the whole.
    decoder = decoder_of(response.headers.get("Content-Encoding", "identity"))
    for data in _received(raw, size):
        yield from decoder.pieces(data, size)
    decoder.finish()


def _received(raw: Any, size: int) -> Iterator[bytes]:
    try:
        yield from raw.stream(size, decode_content=False)
    except ValueError as exc:
        # Such as of a chunk that has a negative length.
        raise ProtocolError("the body is not what HTTP knows") from exc


def _whole_body(response: requests.Response, answer: Answer, journey: Journey, limit: int) -> bytes:
    if answer.method != "HEAD" and (length_of(answer.headers) or 0) > limit:
        raise too_large(answer, limit)
    body = bytearray()
    for piece in pieces(response, _PIECE):
        body += piece
        if len(body) > limit:
            raise too_large(answer, limit)
        if journey.time_left == 0:
            raise RequestTimeoutError(f"{answer}, but {journey.out_of_time}")
    return bytes(body)


def _beginning(response: requests.Response, journey: Journey) -> bytes:
    # An error's body is read for its problem document, however long or broken it is.
    body = bytearray()
    with suppress(*FOREIGN):
        for piece in pieces(response, _PIECE):
            body += piece
            if len(body) >= _ERROR_BODY_KEPT or journey.time_left == 0:
                break
    return bytes(body[:_ERROR_BODY_KEPT])
