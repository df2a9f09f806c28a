"""The client of one origin's resources, for event loops."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from functools import cached_property, partial
from inspect import isawaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, overload

from pydantic import TypeAdapter

from saigon.model import QueryDataResult
from saigon.model.interface import RequestAuthorizer
from saigon.rest._calls.answers import Expected, RestResponse, refuse_no_type
from saigon.rest._calls.bodies import CHUNK, Progress
from saigon.rest._calls.call import DEFAULT_TIMEOUT, Hook, Timeout
from saigon.rest._calls.options import (
    DEFAULT_MAX_RESPONSE_BYTES,
    CallBuilder,
    CallOptions,
    checked_limit,
)
from saigon.rest._calls.pages import Pages
from saigon.rest._calls.queries import with_token
from saigon.rest._calls.retry import RetryPolicy
from saigon.rest._calls.streams import refuse_no_place, whole_file
from saigon.rest._calls.waiting import Condition, Waiting
from saigon.rest._httpx.authorization import AsyncAuthorization
from saigon.rest._httpx.streams import AsyncRestStream, gathered
from saigon.rest._httpx.threads import entered_in_thread, told_in_loop
from saigon.rest._uploads.prepared import prepare_form, prepare_put
from saigon.rest._uploads.results import Upload, upload_of
from saigon.rest._uploads.sources import Source
from saigon.rest.exceptions import MissingExtraError, NotFoundError

if TYPE_CHECKING:
    import httpx

    from saigon.rest._httpx.sender import AsyncSender

T = TypeVar("T")


class AsyncRestClient:
    """Call the resources under one base URL from an ``asyncio`` event loop.

    Needs the extra ``[async]``. It calls as ``RestClientBase`` does: same retries, same errors,
    same rules for redirects and credentials. Any number of tasks may share a client; 32 calls at
    most are under way at once, the others wait for a connection as long as for an answer. A
    client belongs to the event loop that first uses it.

    Args:
        base_url: Where paths begin, ``https://host/stage``.
        timeout: Seconds to connect and to wait for bytes; a pair for the two apart.
        retry: How often and how patiently calls are made again; ``RetryPolicy()`` by default.
        headers: Sent with every call.
        auth: Authorizes each try of each call. It is called in a thread, but where it has a
            method ``may_block`` that says of a request that it does not.
        client: A client of httpx to use in place of an own one. It stays the caller's: it is not
            closed, and its cookies, its transport, its hooks and, without ``auth``, its ``auth``
            are as the caller made them.
        hooks: Told of each try, in the event loop; what one raises is logged, and the call goes on.
        max_response_bytes: How many bytes of an answer are read into memory, uncompressed; streams
            and downloads are not bounded.
        clock: Returns the present time, aware.
        sleep: Waits for so many seconds.

    Raises:
        MissingExtraError: The extra ``[async]`` is not installed.
        ConfigurationError: The base URL, the timeout or the limit cannot be one, or ``auth`` does
            not authorize.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout: Timeout = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
        auth: RequestAuthorizer | None = None,
        client: "httpx.AsyncClient | None" = None,
        hooks: Sequence[Hook] = (),
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        clock: Callable[[], datetime] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._calls = CallBuilder(base_url, timeout=timeout, headers=headers)
        self._sleep = sleep
        # Of the system: processes that were forked from one would all wait for as long.
        self._rng = random.SystemRandom()
        self._new_sender = partial(
            _new_sender,
            retry=retry or RetryPolicy(),
            hooks=tuple(hooks),
            clock=clock or _utc_now,
            sleep=sleep,
            rng=self._rng,
            max_response_bytes=checked_limit(max_response_bytes),
        )
        self._sender: AsyncSender = self._new_sender(client, auth)

    @property
    def base_url(self) -> str:
        """Where paths begin, without a trailing slash."""
        return self._calls.base_url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    async def __aenter__(self) -> Self:
        self._sender.refuse_closed()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, but those of a client that was handed in; no call follows."""
        await self._sender.aclose()
        if "_upload_sender" in self.__dict__:
            await self._upload_sender.aclose()

    async def get_resource(
        self, path: str, model: Expected[T], **options: Unpack[CallOptions]
    ) -> T:
        """Read one resource.

        Args:
            path: Where it is under the base URL, such as ``/orders/{order_id}``.
            model: What the body is: a model or any other type that pydantic validates, or a
                ``TypeAdapter``; ``bytes`` and ``BasicRestResponse`` take it unread.
            **options: See ``CallOptions``.

        Raises:
            InvalidRequestError: The path or a parameter was refused, or another event loop has
                used this client; nothing was sent.
            StatusError: The answer is not a success.
            TransportError: No whole answer came.
            ResponseValidationError: The body is not a ``model``.
        """
        return (await self.request("GET", path, model, **options)).data

    async def list_resources(
        self, path: str, item: type[T], **options: Unpack[CallOptions]
    ) -> list[T]:
        """Read a JSON array of resources; raises what ``get_resource`` raises."""
        return await self.get_resource(path, TypeAdapter(list[item]), **options)  # type: ignore[valid-type]  # a type made at run time

    async def paginate(
        self, path: str, item: type[T], **options: Unpack[CallOptions]
    ) -> AsyncIterator[QueryDataResult[T]]:
        """Read a listing page by page; each page is read when it is asked for.

        Args:
            path: Where the listing is.
            item: What the pages hold.
            **options: See ``CallOptions``; ``params`` is repeated for each page, with its token.

        Raises:
            PaginationError: A page names an earlier one as the next.
        """
        page_type: type[QueryDataResult[T]] = QueryDataResult[item]  # type: ignore[valid-type]  # a type made at run time
        pages = Pages(path)
        while True:
            page = await self.get_resource(path, page_type, **options)
            yield page
            token = pages.next_token(page)
            if token is None:
                return
            options["params"] = with_token(options.get("params"), token)

    @overload
    async def create_resource(
        self, path: str, body: Any, model: Expected[T], **options: Unpack[CallOptions]
    ) -> T: ...

    @overload
    async def create_resource(
        self, path: str, body: Any, model: None = None, **options: Unpack[CallOptions]
    ) -> None: ...

    async def create_resource(
        self,
        path: str,
        body: Any,
        model: Expected[T] | None = None,
        **options: Unpack[CallOptions],
    ) -> T | None:
        """Post a resource; tried again after a lost answer only with an ``idempotency_key``.

        Args:
            path: Where to post it.
            body: A model or anything else that JSON can hold. ``bytes``, a file opened with mode
                ``'rb'`` and an iterator of ``bytes`` are sent as they are, read in a thread; say
                what they are by a ``Content-Type`` among the headers.
            model: What the answer's body is; without one it is not looked at.
            **options: See ``CallOptions``.
        """
        return (await self._send("POST", path, model, options, body)).data

    @overload
    async def update_resource(
        self, path: str, body: Any, model: Expected[T], **options: Unpack[CallOptions]
    ) -> T: ...

    @overload
    async def update_resource(
        self, path: str, body: Any, model: None = None, **options: Unpack[CallOptions]
    ) -> None: ...

    async def update_resource(
        self,
        path: str,
        body: Any,
        model: Expected[T] | None = None,
        **options: Unpack[CallOptions],
    ) -> T | None:
        """Put a resource in the place of what is there; arguments as ``create_resource``."""
        return (await self._send("PUT", path, model, options, body)).data

    @overload
    async def patch_resource(
        self, path: str, body: Any, model: Expected[T], **options: Unpack[CallOptions]
    ) -> T: ...

    @overload
    async def patch_resource(
        self, path: str, body: Any, model: None = None, **options: Unpack[CallOptions]
    ) -> None: ...

    async def patch_resource(
        self,
        path: str,
        body: Any,
        model: Expected[T] | None = None,
        **options: Unpack[CallOptions],
    ) -> T | None:
        """Change a part of a resource; of a model only the fields that were set are sent."""
        return (await self._send("PATCH", path, model, options, body, only_set=True)).data

    @overload
    async def delete_resource(
        self,
        path: str,
        model: Expected[T],
        *,
        missing_ok: bool = False,
        **options: Unpack[CallOptions],
    ) -> T | None: ...

    @overload
    async def delete_resource(
        self,
        path: str,
        model: None = None,
        *,
        missing_ok: bool = False,
        **options: Unpack[CallOptions],
    ) -> None: ...

    async def delete_resource(
        self,
        path: str,
        model: Expected[T] | None = None,
        *,
        missing_ok: bool = False,
        **options: Unpack[CallOptions],
    ) -> T | None:
        """Delete a resource; with ``missing_ok``, 404 is no error and gives None.

        A route that API Gateway does not know is an error all the same.
        """
        try:
            return (await self._send("DELETE", path, model, options)).data
        except NotFoundError as exc:
            if missing_ok and not exc.unknown_route:
                return None
            raise

    @overload
    async def request(
        self,
        method: str,
        path: str,
        model: Expected[T],
        *,
        body: Any = None,
        **options: Unpack[CallOptions],
    ) -> RestResponse[T]: ...

    @overload
    async def request(
        self,
        method: str,
        path: str,
        model: None = None,
        *,
        body: Any = None,
        **options: Unpack[CallOptions],
    ) -> RestResponse[None]: ...

    async def request(
        self,
        method: str,
        path: str,
        model: Expected[T] | None = None,
        *,
        body: Any = None,
        **options: Unpack[CallOptions],
    ) -> RestResponse[T] | RestResponse[None]:
        """Call with any method and get the answer's status, headers and request id too.

        Arguments and errors are those of ``get_resource`` and ``create_resource``.
        """
        return await self._send(method.upper(), path, model, options, body)

    def stream(
        self, path: str, **options: Unpack[CallOptions]
    ) -> AbstractAsyncContextManager[AsyncRestStream]:
        """Read a body in pieces, within an ``async with`` block; it is tried again until it begins.

        Raises what ``get_resource`` raises, and ``aiter_bytes`` of the stream what breaks off.
        """
        return self._stream(path, options)

    @asynccontextmanager
    async def _stream(self, path: str, options: CallOptions) -> AsyncIterator[AsyncRestStream]:
        opened = await self._sender.open(self._calls.call("GET", path, options, stream=True))
        answer = opened.sent.answer
        async with opened.closed_at_last():
            yield AsyncRestStream(answer.status, answer.headers, answer.request_id, opened.pieces)

    async def download_to(
        self,
        path: str,
        destination: str | Path,
        *,
        progress: Progress | None = None,
        max_bytes: int | None = None,
        **options: Unpack[CallOptions],
    ) -> int:
        """Write a body to a file, which appears whole or not at all, in bounded memory.

        Args:
            path: What to read.
            destination: The file to write, in a thread; one that is there is replaced, and its
                mode stays.
            progress: Called with the bytes written and the length, None if it is not known.
            max_bytes: How many bytes the body may have; any number by default.
            **options: See ``CallOptions``.

        Returns:
            The bytes written.

        Raises:
            OSError: The destination is no place for a file; nothing was sent.
            ResponseTooLargeError: The body is longer than ``max_bytes``.
            StatusError: The answer is not a success.
            TransportError: No whole answer came.
        """
        destination = Path(destination)
        refuse_no_place(destination)
        async with self.stream(path, **options) as stream:
            with whole_file(destination, stream.length, None, max_bytes=max_bytes) as target:
                async for chunk in gathered(stream.aiter_bytes(), CHUNK):
                    await asyncio.to_thread(target.write, chunk)
                    if progress is not None:
                        progress(target.written, stream.length)
        return target.written

    @overload
    async def wait_for_condition(
        self,
        condition: Callable[[], Awaitable[T]],
        timeout: float,  # noqa: ASYNC109  # as in the other client; no await is cut short
        *,
        until: Callable[[T], bool] = bool,
        fail_when: Callable[[T], bool] | None = None,
        interval: float = 0.5,
        max_interval: float = 10.0,
    ) -> T: ...

    @overload
    async def wait_for_condition(
        self,
        condition: Callable[[], T],
        timeout: float,  # noqa: ASYNC109  # as in the other client; no await is cut short
        *,
        until: Callable[[T], bool] = bool,
        fail_when: Callable[[T], bool] | None = None,
        interval: float = 0.5,
        max_interval: float = 10.0,
    ) -> T: ...

    async def wait_for_condition(
        self,
        condition: Callable[[], Any],
        timeout: float,  # noqa: ASYNC109  # as in the other client; no await is cut short
        *,
        until: Callable[[Any], bool] = bool,
        fail_when: Callable[[Any], bool] | None = None,
        interval: float = 0.5,
        max_interval: float = 10.0,
    ) -> Any:
        """Ask again and again until an answer is right.

        Args:
            condition: Asks; may be a coroutine function. What it raises goes through.
            timeout: Seconds after which to give up. The condition is asked once at least.
            until: Tells whether an answer is right; by default whether it is true.
            fail_when: Tells whether an answer shows that the right one cannot come any more.
            interval: Seconds before asking the second time, at most; doubled each time, each wait
                shortened at random by up to a half.
            max_interval: Seconds that a wait never exceeds.

        Returns:
            The answer that was right.

        Raises:
            WaitTimeoutError: None was; ``last`` is the last one.
            WaitFailedError: ``fail_when`` was true of ``last``.
            InvalidRequestError: A time is negative, or there is none between two questions.
        """
        waiting = Waiting(Condition(timeout, until, fail_when, interval, max_interval), self._rng)
        while True:
            value = condition()
            if isawaitable(value):
                value = await value
            pause = waiting.pause_after(value)
            if pause is None:
                return value
            await self._sleep(pause)

    async def upload_file_to_url(
        self,
        url: str,
        source: Source,
        *,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        timeout: Timeout | None = None,  # noqa: ASYNC109  # as in the other client
    ) -> Upload:
        """Send a file by a pre-signed PUT of S3, streamed, with none of this client's credentials.

        Args:
            url: The pre-signed URL.
            source: A path, or a seekable file opened with mode ``'rb'``, sent from where it stands
                and read in a thread.
            content_type: What the URL was signed for; give none if it was signed without.
            headers: Further headers that the URL was signed for.
            progress: Called in the event loop with the bytes read to be sent and the length: with
                0 when the file is begun, also when it is begun anew, and with the length at the
                end. What it raises ends the upload.
            timeout: Seconds, in place of the client's.

        Raises:
            PresignedUrlError: S3 would refuse the URL: it has expired, or was signed for other
                headers or another file; nothing was sent.
            InvalidRequestError: The source is no regular file of bytes; nothing was sent.
            FileChangedError: The file became shorter meanwhile.
            StatusError: S3 refused; ``code`` is its name for the reason.
            TransportError: No answer came.
        """
        prepared = prepare_put(
            url,
            source,
            content_type=content_type,
            headers=headers or {},
            progress=told_in_loop(progress),
            timeout=timeout or self._calls.timeout,
            now=self._upload_sender.clock(),
        )
        async with entered_in_thread(prepared) as call:
            return upload_of(call, await self._upload_sender.send(call))

    async def upload_file_to_form(
        self,
        url: str,
        fields: Mapping[str, str],
        source: Source,
        *,
        filename: str | None = None,
        content_type: str | None = None,
        progress: Progress | None = None,
        timeout: Timeout | None = None,  # noqa: ASYNC109  # as in the other client
    ) -> Upload:
        """Send a file by a pre-signed POST of S3; otherwise as ``upload_file_to_url``.

        Args:
            url: Where the form goes.
            fields: The form's fields, as ``generate_presigned_post`` gives them.
            source: A path, or a seekable file opened with mode ``'rb'``, sent from where it stands.
            filename: What the form calls the file, put for ``${filename}``; by default the name
                that the path has, ``file`` where there is no path. Nothing before a slash is sent.
            content_type: What the file is, where the form's policy leaves that open; it becomes
                the form's ``Content-Type`` field.
            progress: Called as by ``upload_file_to_url``, with bytes of the file alone.
            timeout: Seconds, in place of the client's.

        Raises:
            PresignedUrlError: S3 would refuse the form: its policy has expired, or asks for other
                fields or another size; nothing was sent.
        """
        prepared = prepare_form(
            url,
            fields,
            source,
            filename=filename,
            content_type=content_type,
            progress=told_in_loop(progress),
            timeout=timeout or self._calls.timeout,
            now=self._upload_sender.clock(),
        )
        async with entered_in_thread(prepared) as call:
            return upload_of(call, await self._upload_sender.send(call))

    @cached_property
    def _upload_sender(self) -> "AsyncSender":
        self._sender.refuse_closed()
        return self._new_sender(None, None)

    async def _send(
        self,
        method: str,
        path: str,
        model: Expected[T] | None,
        options: CallOptions,
        body: Any = None,
        *,
        only_set: bool = False,
    ) -> RestResponse[T]:
        refuse_no_type(model)
        call = self._calls.call(method, path, options, body=body, only_set=only_set)
        return (await self._sender.send(call)).as_response(model)


def _new_sender(
    client: "httpx.AsyncClient | None", auth: RequestAuthorizer | None, **settings: Any
) -> "AsyncSender":
    try:
        from saigon.rest._httpx.clients import new_client
        from saigon.rest._httpx.sender import AsyncSender
    except ModuleNotFoundError as exc:
        raise MissingExtraError("async", exc.name) from exc
    return AsyncSender(
        client or new_client(),
        is_own=client is None,
        authorization=AsyncAuthorization(auth),
        **settings,
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)
