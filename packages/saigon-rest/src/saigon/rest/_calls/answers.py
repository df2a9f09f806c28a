"""Turn an answer into a model, or into the error that its status stands for."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from requests import Response
from requests.structures import CaseInsensitiveDict

from saigon.model import PROBLEM_MEDIA_TYPE, BasicRestResponse, ProblemDetails
from saigon.rest import exceptions
from saigon.rest._calls.rejections import error_type
from saigon.rest._calls.retry import retry_after
from saigon.rest._calls.urls import without_query
from saigon.rest.exceptions import ResponseValidationError, StatusError

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
_TEXT_KEPT: Final = 200
_S3_CODE: Final = re.compile(rb"<Code>([A-Za-z]{1,64})</Code>")
_BY_STATUS: Final[dict[int, type[StatusError]]] = {
    401: exceptions.UnauthorizedError,
    403: exceptions.ForbiddenError,
    404: exceptions.NotFoundError,
    409: exceptions.ConflictError,
    429: exceptions.TooManyRequestsError,
}
_BY_CLASS: Final[dict[int, type[StatusError]]] = {
    3: exceptions.RedirectError,
    4: exceptions.RequestRejectedError,
    5: exceptions.ServerError,
}
_UNKNOWN_ROUTE: Final = (
    " (API Gateway answers so for a route that it does not know: check method, path and stage)"
)


@dataclass(frozen=True, slots=True)
class RestResponse(Generic[T]):
    """An answer with its data and what surrounds it."""

    data: T
    """The body as the type asked for."""

    status: int
    """The HTTP status."""

    headers: CaseInsensitiveDict[str]
    """The headers, by names in any case."""

    request_id: str | None
    """The request id that the gateway or the service gave."""

    elapsed: float
    """Seconds from the call to its answer, with all tries and waits."""

    attempts: int
    """How many times the call was sent."""


def request_id(response: Response) -> str | None:
    """Return the id under which the other side logged the request."""
    return next((response.headers[n] for n in _REQUEST_ID_HEADERS if n in response.headers), None)


def decode(response: Response, expected: Expected[T] | None) -> T | None:
    """Validate a body straight from its bytes.

    Returns:
        None where nothing was expected, whatever came.

    Raises:
        ResponseValidationError: The body, or its absence, is not what was expected.
    """
    if expected is None:
        return None
    if expected is BasicRestResponse:
        return cast("T", BasicRestResponse(status_code=response.status_code, content=response.text))
    if expected is bytes:
        return cast("T", response.content)
    adapter = _adapter_of(expected)
    try:
        if not response.content:
            return cast("T", adapter.validate_python(None))
        return cast("T", adapter.validate_json(response.content))
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_context=False, include_input=False)
    raise _invalid(response, [dict(error) for error in errors])


def _adapter_of(expected: Any) -> TypeAdapter[Any]:
    return expected if isinstance(expected, TypeAdapter) else _new_adapter(expected)


@lru_cache(maxsize=256)
def _new_adapter(expected: Any) -> TypeAdapter[Any]:
    return TypeAdapter(expected)


def _invalid(response: Response, errors: list[dict[str, Any]]) -> ResponseValidationError:
    first = errors[0] if errors else {}
    where = ".".join(map(str, first.get("loc", ()))) or "the body"
    return ResponseValidationError(
        f"{_call(response)} answered {response.status_code} with another body than expected: "
        f"{len(errors)} faults, the first at {where}: {first.get('type')}",
        status=response.status_code,
        body=response.content[:_BODY_KEPT],
        errors=errors,
        request_id=request_id(response),
    )


def status_error(response: Response, *, attempts: int, now: datetime) -> StatusError:
    """Make the error that an answer's status stands for."""
    status = response.status_code
    kind = _BY_STATUS.get(status) or _BY_CLASS.get(status // 100, StatusError)
    problem = _problem(response)
    code = error_type(response) or _s3_code(response)
    return kind(
        _describe(response, problem, code),
        status=status,
        problem=problem,
        code=code,
        request_id=request_id(response),
        retry_after=retry_after(response.headers, now),
        attempts=attempts,
    )


def _describe(response: Response, problem: ProblemDetails | None, code: str | None) -> str:
    said = (problem and (problem.detail or problem.title)) or code or response.reason or ""
    text = f"{_call(response)} answered {response.status_code}: {str(said)[:_TEXT_KEPT]}"
    return text + _UNKNOWN_ROUTE if code == "MissingAuthenticationTokenException" else text


def _call(response: Response) -> str:
    return f"{response.request.method} {without_query(str(response.request.url))}"


def _problem(response: Response) -> ProblemDetails | None:
    media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != PROBLEM_MEDIA_TYPE:
        return None
    return ProblemDetails.parse(response.content)


def _s3_code(response: Response) -> str | None:
    match = _S3_CODE.search(response.content[:_BODY_KEPT])
    return match[1].decode() if match else None
