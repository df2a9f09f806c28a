"""The base of the package's models: frozen, closed, and silent about the values it refuses."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from saigon.aws.cognito.exceptions import CognitoError, InvalidInputError


class Record(BaseModel):
    """A frozen model whose errors name the field and the rule, never the value.

    pydantic's own ValidationError keeps every input in ``errors()`` and ``json()``, secrets too.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True
    )

    def __init__(self, **data: Any) -> None:
        refusal = None
        try:
            super().__init__(**data)
        except ValidationError as error:
            refusal = self._refusal(error)
        # Outside of the handler: pydantic's error must not travel along as the context either.
        if refusal is not None:
            raise refusal

    @classmethod
    def _refusal(cls, error: ValidationError) -> CognitoError:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or cls.__name__
        return cls._refused(field, first["msg"])

    @classmethod
    def _refused(cls, field: str, rule: str) -> CognitoError:
        return InvalidInputError(field, rule)
