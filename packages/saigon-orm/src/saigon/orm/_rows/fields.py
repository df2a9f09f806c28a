"""What a model's field takes, read from its annotation."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import is_dataclass
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import (
    AliasChoices,
    AliasPath,
    AwareDatetime,
    BaseModel,
    FutureDatetime,
    Json,
    NaiveDatetime,
    PastDatetime,
    RootModel,
)
from pydantic.fields import FieldInfo

__all__ = [
    "enum_of",
    "field_keys",
    "is_container",
    "is_instant",
    "item_enum_of",
    "keeps_text",
    "only_leaf",
    "path_roots",
]

_MARKED: dict[Any, str] = {
    AwareDatetime: "aware",
    NaiveDatetime: "naive",
    PastDatetime: "plain",
    FutureDatetime: "plain",
    datetime: "plain",
}
_CONTAINERS: tuple[type, ...] = (BaseModel, Collection)
_SCALARS = (str, bytes, bytearray, memoryview, Enum)
_NOT_TEXT = {int, float, bool, NoneType}


def field_keys(name: str, field: FieldInfo) -> Iterator[str]:
    """Give the names under which a field is found: its own and its aliases."""
    yield name
    yield from (alias for alias in _aliases(field) if isinstance(alias, str))


def path_roots(field: FieldInfo) -> Iterator[str]:
    """Give the names of what a field is found inside of: the heads of its alias paths."""
    for alias in _aliases(field):
        if isinstance(alias, AliasPath) and isinstance(alias.path[0], str):
            yield alias.path[0]


def _aliases(field: FieldInfo) -> Iterable[str | AliasPath | None]:
    alias = field.validation_alias
    return alias.choices if isinstance(alias, AliasChoices) else [alias]


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
    leaf = only_leaf(annotation)
    kinds = set(map(type, get_args(leaf))) if get_origin(leaf) is Literal else {leaf}
    kind = kinds.pop() if len(kinds) == 1 else None
    return kind if isinstance(kind, type) and issubclass(kind, Enum) else None


def item_enum_of(annotation: Any) -> type[Enum] | None:
    """Return the enumeration of which a field takes several."""
    items = [item for item in get_args(only_leaf(annotation)) if item is not Ellipsis]
    return enum_of(items[0]) if len(items) == 1 else None


def only_leaf(annotation: Any) -> Any:
    """Return the one type that a field takes besides ``None``, or ``None`` for several."""
    leaves = [leaf for leaf in _leaves(annotation) if leaf is not NoneType]
    return leaves[0] if len(leaves) == 1 else None


def is_container(annotation: Any) -> bool:
    """Tell whether a field takes what JSON has objects and arrays for, and no text."""
    others = {leaf for leaf in _leaves(annotation) if not _is_container_leaf(leaf)}
    return others <= _NOT_TEXT and any(map(_is_container_leaf, _leaves(annotation)))


def keeps_text(field: FieldInfo) -> bool:
    """Tell whether a field wants JSON as text, to parse it itself."""
    return _is_json_text(field.metadata)


def _is_json_text(marks: Iterable[Any]) -> bool:
    return any(Json in {mark, type(mark)} for mark in marks)


def _is_container_leaf(leaf: Any) -> bool:
    kind = get_origin(leaf) or leaf
    if not isinstance(kind, type) or issubclass(kind, _SCALARS):
        return False
    return issubclass(kind, _CONTAINERS) or is_dataclass(kind)


def _leaves(annotation: Any) -> Iterator[Any]:
    inner = _inside(annotation)
    if inner is not annotation:
        yield from _leaves(inner)
    elif get_origin(annotation) in {Union, UnionType}:
        for option in get_args(annotation):
            yield from _leaves(option)
    else:
        yield annotation


def _inside(annotation: Any) -> Any:
    """Take one wrapper off: metadata, a name for a type, or a model of one value."""
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        return str if _is_json_text(marks) else inner
    if isinstance(annotation, type):
        return _root(annotation) if issubclass(annotation, RootModel) else annotation
    named = getattr(annotation, "__value__", None)  # of a TypeAliasType
    return getattr(annotation, "__supertype__", annotation) if named is None else named


def _root(model: type[RootModel[Any]]) -> Any:
    return model.model_fields["root"].annotation
