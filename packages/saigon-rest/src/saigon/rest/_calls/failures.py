"""Turn an answer into the error that its status stands for."""

import re
from datetime import datetime
from http import HTTPStatus
from typing import Final

from saigon.model import PROBLEM_MEDIA_TYPE, ProblemDetails
from saigon.rest import exceptions
from saigon.rest._calls.answers import Answer
from saigon.rest._calls.journey import Journey
from saigon.rest._calls.rejections import error_type, is_unknown_route
from saigon.rest._calls.retry import retry_after
from saigon.rest.exceptions import (
    ConnectError,
    RequestTimeoutError,
    ResponseTooLargeError,
    RestError,
    StatusError,
)

_LOOKED_AT: Final = 2048
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


def status_error(answer: Answer, *, attempts: int, now: datetime) -> StatusError:
    """Make the error that an answer's status stands for."""
    kind = _BY_STATUS.get(answer.status) or _BY_CLASS.get(answer.status // 100, StatusError)
    problem = _problem(answer)
    code = error_type(answer) or _s3_code(answer)
    return kind(
        _describe(answer, problem, code),
        status=answer.status,
        problem=problem,
        code=code,
        request_id=answer.request_id,
        retry_after=retry_after(answer.headers, now),
        attempts=attempts,
        unknown_route=is_unknown_route(answer),
    )


def too_large(answer: Answer, limit: int) -> ResponseTooLargeError:
    """Say that an answer is longer than is read into memory."""
    return ResponseTooLargeError(
        f"{answer} with more than {limit} bytes; read it as a stream, or raise the limit",
        status=answer.status,
        request_id=answer.request_id,
    )


def in_time(error: RestError, journey: Journey) -> RestError:
    """Say of an error that no time is left for the whole call, where that is its cause."""
    if journey.time_left != 0 or not isinstance(error, (ConnectError, RequestTimeoutError)):
        return error
    return type(error)(f"{error}; {journey.out_of_time}")


def _describe(answer: Answer, problem: ProblemDetails | None, code: str | None) -> str:
    said = (problem and (problem.detail or problem.title)) or code or _phrase(answer.status)
    # In one line, whatever a server says.
    text = f"{answer}: {' '.join(said[:_TEXT_KEPT].split())}"
    return text + _UNKNOWN_ROUTE if is_unknown_route(answer) else text


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "a status without a name"


def _problem(answer: Answer) -> ProblemDetails | None:
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return ProblemDetails.parse(answer.body) if media_type == PROBLEM_MEDIA_TYPE else None


def _s3_code(answer: Answer) -> str | None:
    match = _S3_CODE.search(answer.body[:_LOOKED_AT])
    return match[1].decode() if match else None
