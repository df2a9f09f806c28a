"""What the fields of a model are called in JSON."""

from collections.abc import Iterator

from pydantic import AliasChoices, AliasPath
from pydantic.fields import FieldInfo


def input_names(name: str, field: FieldInfo) -> Iterator[str]:
    """Yield the members of an object that a field is read from."""
    yield name
    yield from _names(field.validation_alias)


def input_paths(name: str, field: FieldInfo, *, by_name: bool) -> Iterator[tuple[str | int, ...]]:
    """Yield the members, within members and lists, that a field is read from."""
    alias = field.validation_alias
    if by_name or alias is None:
        yield (name,)
    for choice in alias.choices if isinstance(alias, AliasChoices) else [alias]:
        if choice is not None:
            yield tuple(choice.path) if isinstance(choice, AliasPath) else (choice,)


def _names(alias: str | AliasPath | AliasChoices | None) -> Iterator[str]:
    if isinstance(alias, str):
        yield alias
    if isinstance(alias, AliasChoices):
        yield from (choice for choice in alias.choices if isinstance(choice, str))
