"""A secret's value, and what it becomes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic_core.core_schema import ErrorType

from saigon.aws.secrets.exceptions import SecretDecodeError

__all__ = ["SecretValue"]

ModelT = TypeVar("ModelT", bound=BaseModel)

_UNKNOWN = "*"
_CUSTOM = "custom"
_KINDS = frozenset(get_args(ErrorType))


@dataclass(frozen=True, slots=True)
class SecretValue:
    """The raw value of one version of a secret; it is in no repr."""

    name: str
    raw: str | bytes = field(repr=False)

    @classmethod
    def of_response(cls, name: str, response: Mapping[str, Any]) -> "SecretValue":
        """Take the value out of Secrets Manager's answer, whether text or binary."""
        raw = response.get("SecretString", response.get("SecretBinary"))
        if not isinstance(raw, str | bytes):
            raise SecretDecodeError(f"{name!r} has no value", secret_names=(name,))
        return cls(name, raw)

    def as_model(self, model_type: type[ModelT]) -> ModelT:
        """Return the value's JSON as a model."""
        try:
            return model_type.model_validate_json(self.raw)
        except Exception as error:  # noqa: BLE001  # also of a validator of the model's own
            found = _told(error)
        # Raised outside the handler: pydantic's error holds the value, also as a context.
        known = set(_words(model_type.__pydantic_core_schema__))
        errors = [(_place(loc, known), kind) for loc, kind in found]
        raise self._decode_error(model_type, errors)

    def as_string(self) -> SecretStr:
        """Return the value as text; a binary one must be UTF-8."""
        if isinstance(self.raw, str):
            return SecretStr(self.raw)
        try:
            return SecretStr(self.raw.decode())
        except UnicodeDecodeError:
            pass  # raised below, outside this block: the codec's error holds the value
        raise SecretDecodeError(f"{self.name!r} is binary, not text", secret_names=(self.name,))

    def as_bytes(self) -> SecretBytes:
        """Return the value as bytes; text is encoded as UTF-8."""
        if isinstance(self.raw, bytes):
            return SecretBytes(self.raw)
        try:
            return SecretBytes(self.raw.encode())
        except UnicodeEncodeError:
            pass  # raised below, outside this block: the codec's error holds the value
        raise SecretDecodeError(f"{self.name!r} is not Unicode", secret_names=(self.name,))

    def _decode_error(
        self, model_type: type[BaseModel], errors: list[tuple[tuple[int | str, ...], str]]
    ) -> SecretDecodeError:
        places = "; ".join(f"{'.'.join(map(str, loc)) or 'value'}: {kind}" for loc, kind in errors)
        text = f"{self.name!r} is not a {model_type.__name__}: {places}"
        return SecretDecodeError(text, secret_names=(self.name,), errors=errors)


def _told(error: Exception) -> list[tuple[tuple[int | str, ...], str]]:
    """Return where and how a value does not fit, in words that are not the value's."""
    try:
        if isinstance(error, ValidationError):
            found = error.errors(include_url=False, include_context=False, include_input=False)
            return [(e["loc"], e["type"] if e["type"] in _KINDS else _CUSTOM) for e in found]
    except Exception as other:  # noqa: BLE001  # of what a validator raised, which cannot be printed
        return [((), type(other).__name__)]
    return [((), type(error).__name__)]


def _place(location: tuple[int | str, ...], known: set[str]) -> tuple[int | str, ...]:
    """Leave out of an error's location what the value brought: the keys of its objects."""
    return tuple(step if isinstance(step, int) or step in known else _UNKNOWN for step in location)


def _words(schema: object) -> Iterator[str]:
    """Yield all words of a model's schema, the names of its fields and their aliases among them."""
    if isinstance(schema, str):
        yield schema
    elif isinstance(schema, Mapping):
        yield from _words([*schema.keys(), *schema.values()])
    elif isinstance(schema, list | tuple):
        for item in schema:
            yield from _words(item)
