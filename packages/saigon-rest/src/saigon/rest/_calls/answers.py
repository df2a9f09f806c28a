"""An answer, whichever library received it, and its body as a model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from saigon.model import BasicRestResponse
from saigon.rest.exceptions import ResponseValidationError

T = TypeVar("T")
Expected: TypeAlias = type[T] | TypeAdapter[T]

_REQUEST_ID_HEADERS: Final = (
    "x-amzn-requestid",
    "apigw-requestid",
    "x-amz-apigw-id",
    "x-request-id",
    "x-amz-request-id",
)
_BODY_KEPT: Final = 2048
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_NOT_MODIFIED: Final = 304
_REDIRECTION: Final = 300
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to one try of a call."""

    method: str
    """The method of the request."""

    url: str
    """The URL of the request without its query."""

    status: int
    """The HTTP status."""

    headers: CaseInsensitiveDict[str] = field(repr=False)
    """The headers, by names in any case; those of one name joined by commas."""

    body: bytes = field(default=b"", repr=False)
    """The body; of a stream nothing, of a stream that is an error its beginning."""

    charset: str | None = None
    """The character set that the server named."""

    sent_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The headers that the request was sent with."""

    @property
    def is_success(self) -> bool:
        """Whether the status is a success, or says that nothing was modified."""
        return _OK <= self.status < _REDIRECTION or self.status == _NOT_MODIFIED

    @property
    def request_id(self) -> str | None:
        """The id under which the other side logged the request."""
        return next((self.headers[n] for n in _REQUEST_ID_HEADERS if n in self.headers), None)

    @property
    def text(self) -> str:
        """The body as text; what is no text of its character set is replaced."""
        try:
            return self.body.decode(self.charset or "utf-8", errors="replace")
        except (LookupError, ValueError):  # some sets have no mark for what is none of theirs
            return self.body.decode(errors="replace")

    def __str__(self) -> str:
        return f"{self.method} {self.url} answered {self.status}"


@dataclass(frozen=True, slots=True)
class RestResponse(Generic[T]):
    """An answer with its data and what surrounds it."""

    data: T
    """The body as the type asked for."""

    status: int
    """The HTTP status."""

    headers: Mapping[str, str] = field(repr=False)
    """The headers, by names in any case."""

    request_id: str | None
    """The request id that the gateway or the service gave."""

    elapsed: float
    """Seconds from the call to its answer, with all tries and waits."""

    attempts: int
    """How many times the call was sent."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of a call."""

    answer: Answer
    attempts: int
    elapsed: float

    def as_response(self, expected: Expected[T] | None) -> RestResponse[T]:
        """Give the answer with its body as what was expected."""
        return RestResponse(
            # None only where no model was asked for; the clients' overloads say so to callers.
            data=cast("T", decode(self.answer, expected)),
            status=self.answer.status,
            headers=self.answer.headers,
            request_id=self.answer.request_id,
            elapsed=self.elapsed,
            attempts=self.attempts,
        )


def refuse_no_type(expected: Expected[Any] | None) -> None:
    """Refuse what bodies cannot be validated as, before anything is sent for one.

    Raises:
        PydanticUserError: It is no type that pydantic knows.
    """
    if expected is not None:
        _adapter_of(expected)


def decode(answer: Answer, expected: Expected[T] | None) -> T | None:
    """Validate a body straight from its bytes.

    Returns:
        None where nothing was expected, whatever came.

    Raises:
        ResponseValidationError: The body, or its absence, is not what was expected.
    """
    if expected is None:
        return None
    if expected is BasicRestResponse:
        return cast("T", BasicRestResponse(status_code=answer.status, content=answer.text))
    if expected is bytes:
        return cast("T", answer.body)
    adapter = _adapter_of(expected)
    try:
        if not answer.body:
            return cast("T", adapter.validate_python(None))
        return cast("T", adapter.validate_json(answer.body))
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_context=False, include_input=False)
    # Without its cause, which holds what came.
    raise _invalid(answer, [dict(error) for error in errors])


def charset_of(headers: CaseInsensitiveDict[str]) -> str | None:
    """Return the character set that the headers name, and no guess where they name none."""
    if "charset" not in headers.get("Content-Type", "").lower():
        return None
    return get_encoding_from_headers(headers)


def _adapter_of(expected: Any) -> TypeAdapter[Any]:
    if isinstance(expected, TypeAdapter):
        return expected
    try:
        return _new_adapter(expected)
    except TypeError:
        # What annotates a type need not be hashable.
        return TypeAdapter(expected)


@lru_cache(maxsize=256)
def _new_adapter(expected: Any) -> TypeAdapter[Any]:
    return TypeAdapter(expected)


def _invalid(answer: Answer, errors: list[dict[str, Any]]) -> ResponseValidationError:
    first = errors[0] if errors else {}
    where = ".".join(map(_shown, first.get("loc", ()))) or "the body"
    return ResponseValidationError(
        f"{answer} with another body than expected: "
        f"{len(errors)} faults, the first at {where}: {first.get('type')}",
        status=answer.status,
        body=answer.body[:_BODY_KEPT],
        errors=errors,
        request_id=answer.request_id,
    )


def _shown(part: int | str) -> str:
    # The keys of a mapping come from the body.
    return str(part) if isinstance(part, int) or _NAME.fullmatch(part) else "…"
