"""The models that all the others stand on, and the two that carry no data of their own."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Generic, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema

__all__ = ["BaseModelNoExtra", "BasicRestResponse", "DataSet", "EmptyContent"]

ItemT = TypeVar("ItemT")

_NOT_A_NAME = re.compile(r"\W+")


class BaseModelNoExtra(BaseModel):
    """A model that refuses unknown fields.

    Fields are set by name or by alias. The text of a validation error does not show the input;
    ``ValidationError.errors()`` still does, so that belongs into no log.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
    )


class NamedGeneric(BaseModelNoExtra):
    """A generic model whose parametrised name reads well in an OpenAPI document."""

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Name ``Page[Order]`` ``Page_Order``, the form that OpenAPI's component names allow."""
        return "_".join([cls.__name__, *map(_readable_name, params)])

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Give the JSON schema the class's own name; pydantic would write ``Page_Order_``."""
        schema = handler.resolve_ref_schema(handler(source))
        if "[" not in str(schema.get("ref", "")):
            return schema
        return cast("CoreSchema", {**schema, "ref": f"{cls.__module__}.{cls.__name__}:{id(cls)}"})


def _readable_name(param: Any) -> str:
    name = param.__name__ if isinstance(param, type) else str(param).replace("typing.", "")
    return _NOT_A_NAME.sub("_", name).strip("_")


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


class DataSet(NamedGeneric, Generic[ItemT]):
    """A list of items as a JSON object, so that the answer can grow more fields later."""

    data: list[ItemT]

    def __len__(self) -> int:
        """Count the items."""
        return len(self.data)

    def __iter__(self) -> Iterator[ItemT]:  # type: ignore[override]  # of items, not of fields
        """Iterate over the items."""
        return iter(self.data)
