"""What every call takes, and the call that it makes of it."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypedDict

from pydantic import BaseModel
from pydantic_core import to_json
from requests.structures import CaseInsensitiveDict

from saigon.model.http import IDEMPOTENCY_KEY_HEADER
from saigon.rest._calls.bodies import is_text_file
from saigon.rest._calls.call import Call, Timeout
from saigon.rest._calls.urls import PathParams, QueryParams, build_url, parse_base_url
from saigon.rest.exceptions import ConfigurationError, InvalidRequestError

DEFAULT_TIMEOUT: Final = (5.0, 30.0)
DEFAULT_MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024


class CallOptions(TypedDict, total=False):
    """What every call takes beside its path and its model."""

    path_params: PathParams
    """What stands for ``{name}`` in the path: quoted; empty, ``.`` and ``..`` are refused."""

    params: QueryParams | None
    """The query: a mapping, a model or a ``QueryDataParams``; None values are left out."""

    headers: Mapping[str, str]
    """Headers beside those of the client."""

    timeout: Timeout
    """Seconds to connect and to wait for bytes, together or as a pair."""

    total_timeout: float | None
    """Seconds for the whole call: all its tries, the waits between them, and reading the answer."""

    idempotency_key: str
    """Sent as ``Idempotency-Key``, the same on each try; makes any method safe to retry."""


class CallBuilder:
    """Make calls under one base URL.

    Args:
        base_url: Where paths begin.
        timeout: Seconds to connect and to wait for bytes, for calls that name none.
        headers: Sent with every call.

    Raises:
        ConfigurationError: The base URL is not one.
    """

    def __init__(
        self, base_url: str, *, timeout: Timeout, headers: Mapping[str, str] | None
    ) -> None:
        self.base_url = parse_base_url(base_url)
        self.timeout = timeout
        self._headers = {"Accept": "application/json", **(headers or {})}

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
        """
        data, content_type = _encoded(body, only_set=only_set)
        return Call(
            method=method,
            url=build_url(self.base_url, path, options.get("path_params"), options.get("params")),
            headers=self._call_headers(content_type, options),
            body=data,
            timeout=options.get("timeout", self.timeout),
            total_timeout=options.get("total_timeout"),
            stream=stream,
        )

    def _call_headers(self, content_type: str | None, options: CallOptions) -> dict[str, str]:
        headers = CaseInsensitiveDict[str](self._headers)
        if content_type is not None:
            headers["Content-Type"] = content_type
        headers.update(options.get("headers", {}))
        if key := options.get("idempotency_key"):
            headers[IDEMPOTENCY_KEY_HEADER] = key
        return dict(headers)


def _encoded(body: Any, *, only_set: bool) -> tuple[Any, str | None]:
    if is_text_file(body):
        raise InvalidRequestError("the body is a text-mode file; expected one opened with 'rb'")
    if body is None or _is_raw(body):
        return body, None
    if isinstance(body, BaseModel):
        text = body.model_dump_json(by_alias=True, exclude_unset=only_set)
        return text.encode(), "application/json"
    return to_json(body, by_alias=True), "application/json"


def _is_raw(body: Any) -> bool:
    return isinstance(body, (bytes, bytearray, Iterator)) or hasattr(body, "read")


def with_token(params: QueryParams | None, token: str) -> QueryParams:
    """Ask for the page that a token names."""
    if params is None:
        return {"page_token": token}
    if isinstance(params, BaseModel):
        if "page_token" not in type(params).model_fields:
            raise ConfigurationError(
                f"{type(params).__name__} has no page_token; expected a QueryDataParams"
            )
        return params.model_copy(update={"page_token": token})
    return {**params, "page_token": token}
