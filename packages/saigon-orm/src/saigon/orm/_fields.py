"""What a model's field takes, read from its annotation."""

from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    FutureDatetime,
    NaiveDatetime,
    PastDatetime,
)
from pydantic.fields import FieldInfo

__all__ = ["enum_of", "field_keys", "is_container", "is_instant"]

_MARKED: dict[Any, str] = {
    AwareDatetime: "aware",
    NaiveDatetime: "naive",
    PastDatetime: "plain",
    FutureDatetime: "plain",
    datetime: "plain",
}
_CONTAINERS = (dict, list, tuple, set, frozenset)


def field_keys(name: str, field: FieldInfo) -> Iterator[str]:
    """Give the names under which a field is found: its own and its aliases."""
    yield name
    alias = field.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    yield from (choice for choice in choices if isinstance(choice, str))


def is_instant(annotation: Any, *, only_aware: bool = False) -> bool:
    """Tell whether a field holds a moment, not a wall clock's time.

    Args:
        annotation: The field's.
        only_aware: Count only what says so itself: ``AwareDatetime``, not ``datetime``.
    """
    leaves = set(_leaves(annotation))
    kinds = {_MARKED[leaf] for leaf in leaves if leaf in _MARKED}
    if not kinds or "naive" in kinds or str in leaves or Any in leaves:
        return False
    return "aware" in kinds or not only_aware


def enum_of(annotation: Any) -> type[Enum] | None:
    """Return the enumeration that a field takes, ``None`` if it may take something else."""
    leaves = [leaf for leaf in _leaves(annotation) if leaf is not NoneType]
    match leaves:
        case [type() as leaf] if issubclass(leaf, Enum):
            return leaf
        case _:
            return None


def is_container(annotation: Any) -> bool:
    """Tell whether a field takes what JSON has objects and arrays for, and no text."""
    leaves = [leaf for leaf in _leaves(annotation) if leaf is not NoneType]
    return bool(leaves) and all(map(_is_container_leaf, leaves))


def _is_container_leaf(leaf: Any) -> bool:
    kind = get_origin(leaf) or leaf
    return isinstance(kind, type) and issubclass(kind, (BaseModel, *_CONTAINERS))


def _leaves(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _leaves(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for option in get_args(annotation):
            yield from _leaves(option)
    else:
        yield annotation
