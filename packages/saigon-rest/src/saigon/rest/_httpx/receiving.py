"""Read what came over ``httpx``, in bounded memory and time."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from typing import Final, cast

import httpx
from requests.structures import CaseInsensitiveDict

from saigon.rest._calls.answers import Answer, charset_of
from saigon.rest._calls.call import Call
from saigon.rest._calls.decoding import decoder_of
from saigon.rest._calls.failures import too_large
from saigon.rest._calls.journey import Journey
from saigon.rest._calls.streams import length_of
from saigon.rest._calls.urls import without_query
from saigon.rest._httpx.clients import headers_of
from saigon.rest._httpx.logs import secrets_unlogged
from saigon.rest._httpx.translation import FOREIGN
from saigon.rest.exceptions import RequestTimeoutError

_PIECE: Final = 64 * 1024
_ERROR_BODY_KEPT: Final = 64 * 1024


async def read_answer(
    response: httpx.Response, call: Call, journey: Journey, *, limit: int
) -> Answer:
    """Read an answer; of a stream that is a success, all but its body.

    Raises:
        ResponseTooLargeError: The body is longer than ``limit`` bytes.
        RequestTimeoutError: The time of the whole call is up.
        httpx.HTTPError: The body of a success broke off.
    """
    answer = answer_of(response, call)
    if call.stream and answer.is_success:
        return answer
    async with closed_at_last(response):
        if answer.is_success:
            return replace(answer, body=await _body_in_time(response, answer, journey, limit))
        return replace(answer, body=await _beginning(response, journey))


def answer_of(response: httpx.Response, call: Call) -> Answer:
    """Take the facts out of a response."""
    headers = CaseInsensitiveDict[str]()
    for name, value in headers_of(response):
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return Answer(
        method=call.method,
        url=without_query(call.url),
        status=response.status_code,
        headers=headers,
        charset=charset_of(headers),
        sent_headers=response.request.headers,
    )


async def pieces(response: httpx.Response, size: int) -> AsyncGenerator[bytes, None]:
    """Give the body, its codings undone, in pieces of at most so many bytes."""
    if response.is_stream_consumed:
        # Transports that are no network hand over a body that is read, its codings undone.
        for piece in decoder_of("identity").pieces(response.content, size):
            yield piece
        return
    decoder = decoder_of(response.headers.get("Content-Encoding", "identity"))
    # Not by `aiter_raw`, which closes at the end where it can be cancelled.
    received = aiter(cast("httpx.AsyncByteStream", response.stream))
    while data := await _next(received):
        for piece in decoder.pieces(data, size):
            yield piece
    await close(response)
    decoder.finish()


async def _next(received: AsyncIterator[bytes]) -> bytes | None:
    with secrets_unlogged():
        async for data in received:
            if data:
                return data
    return None


@asynccontextmanager
async def closed_at_last(response: httpx.Response) -> AsyncIterator[None]:
    """Close a response at the end of a block."""
    try:
        yield
    finally:
        await close(response)


async def close(response: httpx.Response) -> None:
    """Close a response, also where the task is cancelled meanwhile."""
    # A pool of httpcore never gets back a connection whose closing was cancelled.
    if not response.is_closed:
        await asyncio.shield(response.aclose())


async def while_in_time(
    source: AsyncGenerator[bytes, None], journey: Journey
) -> AsyncGenerator[bytes, None]:
    """Give the same pieces while there is time for the call.

    Raises:
        TimeoutError: There is no more.
    """
    if journey.time_left is None:
        async for piece in source:
            yield piece
        return
    while True:
        # Around each piece, so that what is done between them is not cancelled.
        async with asyncio.timeout(journey.time_left):
            piece = await anext(source, b"")
        if not piece:
            return
        yield piece


async def _body_in_time(
    response: httpx.Response, answer: Answer, journey: Journey, limit: int
) -> bytes:
    try:
        async with asyncio.timeout(journey.time_left):
            return await _whole_body(response, answer, limit)
    except TimeoutError:
        error = RequestTimeoutError(f"{answer}, but {journey.out_of_time}")
    raise error


async def _whole_body(response: httpx.Response, answer: Answer, limit: int) -> bytes:
    if answer.method != "HEAD" and (length_of(answer.headers) or 0) > limit:
        raise too_large(answer, limit)
    body = bytearray()
    async with aclosing(pieces(response, _PIECE)) as all_pieces:
        async for piece in all_pieces:
            body += piece
            if len(body) > limit:
                raise too_large(answer, limit)
    return bytes(body)


async def _beginning(response: httpx.Response, journey: Journey) -> bytes:
    # An error's body is read for its problem document, however long or broken it is.
    body = bytearray()
    with suppress(*FOREIGN, TimeoutError):
        async with (
            asyncio.timeout(journey.time_left),
            aclosing(pieces(response, _PIECE)) as all_pieces,
        ):
            async for piece in all_pieces:
                body += piece
                if len(body) >= _ERROR_BODY_KEPT:
                    break
    return bytes(body[:_ERROR_BODY_KEPT])
