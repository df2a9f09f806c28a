"""The base of the package's models: frozen, closed, and silent about the values it refuses."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    model_validator,
)

from saigon.aws.cognito._text import is_unicode
from saigon.aws.cognito.exceptions import CognitoError, InvalidInputError

# The name of a field that somebody has misspelt; anything else may be a value in its place.
_NAME: Final = re.compile(r"[A-Za-z_]\w{0,63}", re.ASCII)

_RULES: Final[Mapping[str, str]] = {
    "extra_forbidden": "no field of this name",
    "missing": "a value",
}


class Record(BaseModel):
    """A frozen model whose errors name the field and the rule, never the value.

    pydantic's own ValidationError keeps every input in ``errors()`` and ``json()``, secrets too.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True
    )

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse; pydantic's own refusal would quote the value."""
        if name in self.__private_attributes__:
            super().__setattr__(name, value)
            return
        raise self._refused(name, "no assignment, because it is frozen")

    @model_validator(mode="wrap")
    @classmethod
    def _validate_silently(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            record = handler(data)
        except ValidationError as error:
            refusal = cls._refusal(error)
        else:
            record._check()  # noqa: SLF001  # of this class
            return record
        # Outside of the handler: pydantic's error must not travel along as the context either.
        raise refusal

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Read JSON; text that is none is refused without being quoted."""
        try:
            return super().model_validate_json(json_data, **options)
        except ValidationError as error:
            refusal = cls._refusal(error)
        raise refusal

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some fields replaced, which are checked as all are."""
        copy: Self = super().model_copy(deep=deep)
        return type(self)(**{**dict(copy), **update}) if update else copy

    def to_plain(self) -> dict[str, Any]:
        """Return what ``json.dumps`` takes and ``model_validate`` reads, its secrets in plain text.

        Store it where secrets are stored: the dumps of pydantic hold masks in their place.
        """
        return {name: _plain(value) for name, value in self}

    def _check(self) -> None:
        """Refuse what is wrong although each field is of its type."""
        for name, value in self:
            if isinstance(value, SecretStr) and (rule := _unfit(value.get_secret_value())):
                raise self._refused(name, rule)

    @classmethod
    def _refusal(cls, error: ValidationError) -> CognitoError:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        field = str(first["loc"][0]) if first["loc"] else cls.__name__
        is_name = field in cls.model_fields or _NAME.fullmatch(field)
        message = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
        rule = _RULES.get(first["type"], message)
        return cls._refused(field if is_name else cls.__name__, rule)

    @classmethod
    def _refused(cls, field: str, rule: str) -> CognitoError:
        return InvalidInputError(field, rule)


def _unfit(secret: str) -> str:
    """Return the rule that a secret breaks, if it breaks one."""
    if secret and not secret.strip("*"):
        return "the secret itself, not the mask that a dump shows"
    return "" if is_unicode(secret) else "text that can be encoded as UTF-8"


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Record):
        return value.to_plain()
    if isinstance(value, tuple | frozenset):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value
