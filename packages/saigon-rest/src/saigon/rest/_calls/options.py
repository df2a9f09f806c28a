"""What every call takes, and the call that it makes of it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias, TypedDict

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError

from saigon.model.http import IDEMPOTENCY_KEY_HEADER
from saigon.rest._calls.bodies import FileBody, is_rewindable, is_text_file
from saigon.rest._calls.call import Call, Timeout, is_timeout
from saigon.rest._calls.decoding import ACCEPTED
from saigon.rest._calls.queries import QueryParams
from saigon.rest._calls.urls import PathParams, build_url, parse_base_url
from saigon.rest.exceptions import ConfigurationError, InvalidRequestError

DEFAULT_MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024

_Headers: TypeAlias = dict[str, tuple[str, str]]

_ANYTHING: Final = TypeAdapter[Any](Any)
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})


class CallOptions(TypedDict, total=False):
    """What every call takes beside its path and its model."""

    path_params: PathParams
    """What stands for ``{name}`` in the path: quoted; blank, ``.`` and ``..`` are refused."""

    params: QueryParams | None
    """The query: a mapping, a model or a ``QueryDataParams``; None values are left out."""

    headers: Mapping[str, str]
    """Headers beside those of the client, in whose place they come."""

    timeout: Timeout
    """Seconds to connect and to wait for bytes, together or as a pair."""

    total_timeout: float | None
    """Seconds for the whole call: all its tries, the waits between them, and reading the answer.

    Of a stream also what is done within its block. A wait that would not fit is not begun. The
    look-up of the host's name is not cut short.
    """

    idempotency_key: str | None
    """Sent as ``Idempotency-Key``, the same on each try; makes any method safe to retry."""


def checked_limit(max_response_bytes: int) -> int:
    """Return how many bytes of an answer go into memory.

    Raises:
        ConfigurationError: That is not at least one byte.
    """
    if isinstance(max_response_bytes, bool) or max_response_bytes < 1:
        raise ConfigurationError("expected max_response_bytes of at least 1")
    return max_response_bytes


_KNOWN: Final = CallOptions.__optional_keys__


class CallBuilder:
    """Make calls under one base URL.

    Args:
        base_url: Where paths begin.
        timeout: Seconds to connect and to wait for bytes, for calls that name none.
        headers: Sent with every call.

    Raises:
        ConfigurationError: The base URL or the timeout cannot be one.
    """

    def __init__(
        self, base_url: str, *, timeout: Timeout, headers: Mapping[str, str] | None
    ) -> None:
        if not is_timeout(timeout):
            raise ConfigurationError("expected a timeout of positive seconds, or a pair of them")
        self.base_url = parse_base_url(base_url)
        self.timeout = timeout
        self._headers: _Headers = {}
        _put(self._headers, {"Accept": "application/json", "Accept-Encoding": ACCEPTED})
        _put(self._headers, headers or {})
        self._accepts = "accept" in {name.lower() for name in headers or {}}

    def call(
        self,
        method: str,
        path: str,
        options: CallOptions,
        *,
        body: Any = None,
        only_set: bool = False,
        stream: bool = False,
    ) -> Call:
        """Make a call.

        Raises:
            InvalidRequestError: The path, a parameter or the body cannot be sent as meant.
            TypeError: An option is none: a key under a wrong name would protect nothing.
        """
        if not _KNOWN.issuperset(options):
            unknown = sorted(options.keys() - _KNOWN)
            raise TypeError(f"unknown options {unknown}; expected some of {sorted(_KNOWN)}")
        data, content_type = _encoded(body, only_set=only_set)
        return Call(
            method=method,
            url=build_url(self.base_url, path, options.get("path_params"), options.get("params")),
            headers=self._call_headers(content_type, options, stream=stream),
            body=data,
            timeout=options.get("timeout", self.timeout),
            total_timeout=options.get("total_timeout"),
            stream=stream,
        )

    def _call_headers(
        self, content_type: str | None, options: CallOptions, *, stream: bool
    ) -> dict[str, str]:
        headers = dict(self._headers)
        if stream and not self._accepts:
            _put(headers, {"Accept": "*/*"})
        if content_type is not None:
            _put(headers, {"Content-Type": content_type})
        _put(headers, options.get("headers", {}))
        key = options.get("idempotency_key")
        if key is not None:
            _put(headers, {IDEMPOTENCY_KEY_HEADER: key})
        _refuse_misleading(headers)
        return dict(headers.values())


def _put(headers: _Headers, more: Mapping[str, str]) -> None:
    for name, value in more.items():
        headers[name.lower()] = name, value


def _refuse_misleading(headers: _Headers) -> None:
    if not _FRAMING.isdisjoint(headers):
        raise InvalidRequestError("the body tells its length; no header can tell another")
    _, key = headers.get(IDEMPOTENCY_KEY_HEADER.lower(), ("", "-"))
    if not key.strip():
        raise InvalidRequestError("the idempotency key is blank, so that it would protect nothing")


def _encoded(body: Any, *, only_set: bool) -> tuple[Any, str | None]:
    if body is None or isinstance(body, (bytes, bytearray)):
        return body, None
    if is_text_file(body):
        raise InvalidRequestError("the body is a text-mode file; expected one opened with 'rb'")
    if hasattr(body, "read"):
        # Its length is what can be read of it, which the size on the disk need not be.
        return FileBody(body) if is_rewindable(body) else body, None
    if isinstance(body, Iterator):
        return body, None
    return _as_json(body, only_set=only_set), "application/json"


def _as_json(body: Any, *, only_set: bool) -> bytes:
    try:
        if isinstance(body, BaseModel):
            return body.model_dump_json(by_alias=True, exclude_unset=only_set).encode()
        return _ANYTHING.dump_json(body, by_alias=True, exclude_unset=only_set)
    except PydanticSerializationError:
        name = type(body).__name__
    # Without its cause, which may tell what it stumbled over.
    raise InvalidRequestError(f"the body, a {name}, holds what JSON cannot")
