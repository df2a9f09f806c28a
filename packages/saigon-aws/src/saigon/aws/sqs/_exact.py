"""Numbers of more digits than a double has, for the fields that can hold them.

pydantic reads every JSON number with a point as a double, for ``Decimal`` fields too, and keeps
17 digits of it at most. Of a string in the same place it keeps them all.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from types import UnionType
from typing import Any, Final, Self, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, RootModel

from saigon.aws.sqs._fields import input_names

# A double holds 15 digits; a number with more has nine before its point or eight after it. The
# pattern begins with the point, so that a text without one is searched at the speed of memchr.
_LONG: Final = re.compile(r"\.(?:[0-9]{8}|(?<=[0-9]{9}\.)[0-9])")

_Shape: TypeAlias = "Mapping[str, _Shape] | bool"
"""Where Decimals are: True for what is or holds some, or the members that lead to them."""


class ExactNumbers:
    """Rewrites JSON of which a model would get other numbers than were sent."""

    def __init__(self, message_type: type[BaseModel]) -> None:
        self._shape = _shape_of(message_type)

    def kept(self, text: str | bytes) -> str | bytes:
        """Return the text, with long numbers as strings where the model has Decimals."""
        if not self._shape or not _LONG.search(_latin(text)):
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


def _latin(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("latin-1")


def _quoted(value: Any, shape: _Shape) -> Any:
    if isinstance(value, list):
        return [_quoted(item, shape) for item in value]
    if isinstance(value, dict):
        within = shape if isinstance(shape, Mapping) else dict.fromkeys(value, shape)
        return {k: _quoted(v, within[k]) if k in within else v for k, v in value.items()}
    return value.text if isinstance(value, _Float) and shape is True else value


def _shape_of(annotation: Any, *within: Any) -> _Shape:
    if annotation is Decimal:
        return True
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation not in within and _shape_of_model(annotation, *within, annotation)
    args = get_args(annotation)
    if get_origin(annotation) in {Union, UnionType} and not {str, float}.isdisjoint(args):
        return False  # these would take the string
    named = [getattr(annotation, name, None) for name in ("__supertype__", "__value__")]
    for inner in (*args, *filter(None, named)):
        if shape := _shape_of(inner, *within):
            return shape
    return False


def _shape_of_model(model: type[BaseModel], *within: Any) -> _Shape:
    if issubclass(model, RootModel):
        return _shape_of(model.model_fields["root"].annotation, *within)
    return {
        input_name: shape
        for name, field in model.model_fields.items()
        if (shape := _shape_of(field.annotation, *within))
        for input_name in input_names(name, field)
    }
