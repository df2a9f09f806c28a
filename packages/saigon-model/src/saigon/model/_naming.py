"""Generic models whose names read well."""

import re
from typing import Any, cast

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from saigon.model.base import BaseModelNoExtra

_NOT_A_NAME = re.compile(r"\W+")


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
