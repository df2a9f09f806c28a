"""Numbers of more digits than a double has, for the fields that can hold them.

pydantic reads every JSON number with a point as a double, for ``Decimal`` fields too, and keeps
17 digits of it at most. Of a string in the same place it keeps them all.
"""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import reduce
from types import UnionType
from typing import Any, Final, Self, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, RootModel

from saigon.aws.sqs._message.input_names import input_paths

# A double holds 15 digits; a number with more has nine before its point or eight after it. The
# pattern begins with the point, so that a text without one is searched at the speed of memchr.
_LONG: Final = re.compile(r"\.(?:[0-9]{8}|(?<=[0-9]{9}\.)[0-9])")

# Without a point, 16 digits are sent with an exponent alone; these begin with a letter likewise.
_EXPONENTS: Final = tuple(re.compile(rf"{e}(?<=[0-9]{{16}}{e})") for e in "eE")

_Shape: TypeAlias = "Mapping[str | int | None, _Shape] | bool"
"""Where Decimals are: True for what is or holds some, False for what does not, or the members.

The items of a list have their indices, and None stands for the members that are not named.
"""

_NOTHING: Final[_Shape] = False


class ExactNumbers:
    """Rewrites JSON of which a model would get other numbers than were sent."""

    def __init__(self, message_type: type[BaseModel]) -> None:
        shape = _shape_of(message_type)
        self._shape = shape if _leads(shape) else None

    def kept(self, text: str | bytes) -> str | bytes:
        """Return the text, with long numbers as strings where the model has Decimals."""
        if self._shape is None or not _has_long(_latin(text)):
            return text
        try:
            value = json.loads(text if isinstance(text, str) else text.decode(), parse_float=_Float)
            return json.dumps(_quoted(value, self._shape))
        except (ValueError, RecursionError):
            return text  # the model says what is wrong with it


class _Float(float):
    """A number that remembers how it was written; json writes it like any other."""

    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number


def _has_long(text: str) -> bool:
    return any(pattern.search(text) for pattern in (_LONG, *_EXPONENTS))


def _latin(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("latin-1")


def _quoted(value: Any, shape: _Shape) -> Any:
    if isinstance(value, list):
        count = len(value)
        return [_quoted(v, _within(shape, shape, i, i - count)) for i, v in enumerate(value)]
    if isinstance(value, dict):
        return {k: _quoted(v, _within(shape, _NOTHING, k, None)) for k, v in value.items()}
    return value.text if isinstance(value, _Float) and shape is True else value


def _within(shape: _Shape, otherwise: _Shape, *names: str | int | None) -> _Shape:
    if not isinstance(shape, Mapping):
        return shape
    return next((shape[name] for name in names if name in shape), otherwise)


def _leads(shape: _Shape) -> bool:
    return any(map(_leads, shape.values())) if isinstance(shape, Mapping) else shape


def _merged(one: _Shape, other: _Shape) -> _Shape:
    """Return the shape of what may have either."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        both = {name: _both(one[name], other[name]) for name in one.keys() & other.keys()}
        return {**one, **other, **both}
    return one if _leads(one) else other or one


def _both(one: _Shape, other: _Shape) -> _Shape:
    # What is no Decimal in one of two models could take the string there.
    return one is not False and other is not False and _merged(one, other)


def _shape_of(annotation: Any, *within: Any) -> _Shape:
    if annotation is Decimal:
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation not in within and _shape_of_model(annotation, *within, annotation)
    args = get_args(annotation)
    if get_origin(annotation) in {Union, UnionType} and not {str, float}.isdisjoint(args):
        return False  # these would take the string
    named = [getattr(annotation, name, None) for name in ("__supertype__", "__value__")]
    inner = [_shape_of(one, *within) for one in (*args, *filter(None, named))]
    shape = reduce(_merged, inner, _NOTHING)
    return {None: shape} if _is_mapping(annotation) and isinstance(shape, Mapping) else shape


def _is_mapping(annotation: Any) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _shape_of_model(model: type[BaseModel], *within: Any) -> _Shape:
    if issubclass(model, RootModel):
        return _shape_of(model.model_fields["root"].annotation, *within)
    config = model.model_config
    by_name = bool(config.get("populate_by_name") or config.get("validate_by_name"))
    shapes = (
        _at(path, _shape_of(field.annotation, *within))
        for name, field in model.model_fields.items()
        for path in input_paths(name, field, by_name=by_name)
    )
    return reduce(_merged, shapes, _NOTHING)


def _at(path: Sequence[str | int], shape: _Shape) -> _Shape:
    return {path[0]: _at(path[1:], shape)} if path else shape
