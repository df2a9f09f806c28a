"""The model that all the others stand on, and the two that carry no data of their own."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["BaseModelNoExtra", "BasicRestResponse", "EmptyContent"]


class BaseModelNoExtra(BaseModel):
    """A model that refuses unknown fields.

    Fields are set by name or by alias. The text of a validation error does not show the values of
    the input, but the names of fields that it should not have;
    ``ValidationError.errors()`` shows the values, so that belongs into no log.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )


class EmptyContent(BaseModelNoExtra):
    """The body of a request or an answer that says nothing: ``{}``, or no body at all."""

    @model_validator(mode="before")
    @classmethod
    def _no_body_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value


class BasicRestResponse(BaseModelNoExtra):
    """A raw answer: its status and its body as text."""

    status_code: int = Field(ge=100, le=599)
    content: str = ""
