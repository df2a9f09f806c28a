"""What the fields of a model are called in JSON."""

from collections.abc import Iterator

from pydantic import AliasChoices, AliasPath
from pydantic.fields import FieldInfo


def input_names(name: str, field: FieldInfo) -> Iterator[str]:
    """Yield the members of an object that a field is read from."""
    yield name
    yield from _names(field.validation_alias)


def _names(alias: str | AliasPath | AliasChoices | None) -> Iterator[str]:
    if isinstance(alias, str):
        yield alias
    if isinstance(alias, AliasChoices):
        yield from (choice for choice in alias.choices if isinstance(choice, str))
