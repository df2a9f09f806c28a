"""What a client may be told about its invalid request: bounded, and never the input itself."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
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
_QUOTE_LENGTH: Final = 8
_SHORTEST: Final = 4
_INPUT_LIMIT: Final = 4096
_MAX_NODES: Final = 256

_KNOWN_TYPES: Final = frozenset(get_args(core_schema.ErrorType)) - {
    "assertion_error",
    "value_error",
}
"""The types whose messages pydantic words itself."""

_FROM_INPUT: Final = frozenset({"error", "tag", "input_value", "encoding_error"})
"""Members of an error's context that pydantic fills from the input, or from foreign code."""


def safe_errors(errors: Sequence[Mapping[str, Any]], body: object = None) -> list[ProblemError]:
    """Return the first errors, as many as fit, each cut to length and free of the input.

    Args:
        errors: Pydantic's errors.
        body: What was validated: a validator may quote the fields beside its own.
    """
    safe: list[ProblemError] = []
    size = 0
    for error in errors[:MAX_ERRORS]:
        entry = _safe_error(error, body)
        size += len(entry.model_dump_json().encode()) + len(",")
        if size > _BUDGET:
            break
        safe.append(entry)
    return safe


def _safe_error(error: Mapping[str, Any], body: object) -> ProblemError:
    return ProblemError(
        type=encodable(str(error.get("type", "")), _TYPE_LIMIT),
        loc=[_step(step) for step in tuple(error.get("loc", ()))[:_PATH_LIMIT]],
        msg=encodable(_message(error, body), _MESSAGE_LIMIT),
    )


def _step(step: object) -> str | int:
    if isinstance(step, int) and abs(step) < 2**53:
        return int(step)
    return encodable(str(step), _STEP_LIMIT)


def _message(error: Mapping[str, Any], body: object) -> str:
    message = str(error.get("msg", ""))
    if _is_of_the_schema(error):
        return message
    inputs = [error.get("input"), _texts_beside(body, tuple(error.get("loc", ())))]
    return FIXED_MESSAGE if _quotes(message, inputs) else message


def _texts_beside(body: object, loc: tuple[object, ...]) -> list[str]:
    """Return the texts in the part of the body whose member the error is about."""
    for step in loc[1:-1]:  # the first is "body"; those in between may name types too
        with suppress(LookupError, TypeError):
            body = body[step]  # type: ignore[index]  # where it cannot be, that is suppressed
    values = body.values() if isinstance(body, Mapping) else ()
    # A text of few letters is in any message.
    return [value for value in values if isinstance(value, str) and len(value) >= _SHORTEST]


def _is_of_the_schema(error: Mapping[str, Any]) -> bool:
    context = error.get("ctx") or {}
    return error.get("type") in _KNOWN_TYPES and _FROM_INPUT.isdisjoint(context)


def _quotes(message: str, value: object) -> bool:
    leaves = _leaves(value)
    if leaves is None or sum(map(len, leaves)) > _INPUT_LIMIT:
        return True  # too much to look through: better no message than a leak
    lowered = message[:_MESSAGE_LIMIT].lower()
    return any(_shares_text(lowered, leaf.lower()) for leaf in leaves)


def _shares_text(message: str, leaf: str) -> bool:
    if len(leaf) <= _QUOTE_LENGTH:
        return bool(leaf.strip()) and leaf in message
    starts = range(len(message) - _QUOTE_LENGTH + 1)
    return any(message[start : start + _QUOTE_LENGTH] in leaf for start in starts)


def _leaves(value: object) -> list[str] | None:
    """Return the texts that the input is made of, ``None`` where they are too many."""
    leaves: list[str] = []
    pending = [value]
    for _ in range(_MAX_NODES):
        if not pending:
            return leaves
        item = pending.pop()
        if isinstance(item, Mapping):
            pending.extend([*item.keys(), *item.values()])
        elif isinstance(item, list | tuple | set | frozenset):
            pending.extend(item)
        else:
            leaves.append(_leaf_text(item))
    return None


def _leaf_text(item: object) -> str:
    if isinstance(item, bytes | bytearray):
        return bytes(item).decode("utf-8", "replace")
    return str(item)
