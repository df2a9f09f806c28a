"""What a client may be told about its invalid request: bounded, and never the input itself."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from pydantic_core import core_schema

from saigon.fastapi._text import encodable
from saigon.model.problems import ProblemError

MAX_ERRORS: Final = 50
FIXED_MESSAGE: Final = "The value is not valid"

_BUDGET: Final = 7000  # bytes; the rest of the 8 kB is the document around the errors
_TYPE_LIMIT: Final = 64
_STEP_LIMIT: Final = 64
_PATH_LIMIT: Final = 12
_MESSAGE_LIMIT: Final = 200

_OF_VALIDATORS: Final = frozenset({"assertion_error", "value_error"})
_OF_PYDANTIC: Final = frozenset(get_args(core_schema.ErrorType)) - _OF_VALIDATORS
_OF_INPUT: Final = frozenset(
    {
        *("bytes_invalid_encoding", "datetime_object_invalid", "get_attribute_error"),
        *("iteration_error", "json_invalid", "mapping_type", "union_tag_invalid", "url_parsing"),
        *("url_syntax_violation", "uuid_parsing"),
    }
)
"""The types in whose messages pydantic puts a part of the input, or the words of foreign code.

Those of dates and times have words of a fixed stock, such as "input is too short".
"""


def safe_errors(errors: Sequence[Mapping[str, Any]]) -> list[ProblemError]:
    """Return the first errors, as many as fit, each cut to length and free of the input."""
    safe: list[ProblemError] = []
    size = 0
    for error in errors[:MAX_ERRORS]:
        entry = _safe_error(error)
        size += len(entry.model_dump_json().encode()) + len(",")
        if size > _BUDGET:
            break
        safe.append(entry)
    return safe


def _safe_error(error: Mapping[str, Any]) -> ProblemError:
    message = str(error.get("msg", "")) if _is_fixed_wording(error) else FIXED_MESSAGE
    return ProblemError(
        type=encodable(str(error.get("type", "")), _TYPE_LIMIT),
        loc=[_step(step) for step in tuple(error.get("loc", ()))[:_PATH_LIMIT]],
        msg=encodable(message, _MESSAGE_LIMIT),
    )


def _step(step: object) -> str | int:
    if isinstance(step, int) and abs(step) < 2**53:
        return int(step)
    return encodable(str(step), _STEP_LIMIT)


def _is_fixed_wording(error: Mapping[str, Any]) -> bool:
    """Tell whether whoever wrote the message knew nothing of the input."""
    kind, context = error.get("type"), error.get("ctx") or {}
    if kind in _OF_VALIDATORS:
        return isinstance(context, Mapping) and _is_literal(context.get("error"))
    if kind in _OF_PYDANTIC:
        return kind not in _OF_INPUT
    return not context  # of a PydanticCustomError, whose template is a literal


def _is_literal(raised: object) -> bool:
    """Tell whether an error's text stands, letter for letter, in the code that raised it.

    A text that was put together of literals and values does not.
    """
    trace = raised.__traceback__ if isinstance(raised, Exception) else None
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    return str(raised) in trace.tb_frame.f_code.co_consts
