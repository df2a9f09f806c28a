"""Generic models whose names read well."""

import re
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from saigon.model.base import BaseModelNoExtra

_NOT_A_NAME = re.compile(r"\W+")


class NamedGeneric(BaseModelNoExtra):
    """A generic model whose parametrised name reads well in an OpenAPI document."""

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Name ``Page[Order]`` ``Page_Order``, the form that OpenAPI's component names allow."""
        return "_".join([cls.__name__, *(word for param in params for word in _words(param))])

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Give the JSON schema the class's own name; pydantic would write ``Page_Order_``."""
        schema = handler.resolve_ref_schema(handler(source))
        if "[" not in str(schema.get("ref", "")):
            return schema
        return cast("CoreSchema", {**schema, "ref": f"{cls.__module__}.{cls.__name__}:{id(cls)}"})


def _words(param: Any) -> list[str]:
    """Name a type by itself and its arguments, leaving out what only annotates it."""
    origin, args = get_origin(param), get_args(param)
    if origin is Annotated:
        return _words(args[0])
    inner = [word for arg in args for word in _words(arg)]
    return inner if origin in {Union, UnionType} else [_own_name(origin or param), *inner]


def _own_name(param: Any) -> str:
    name = "None" if param is NoneType else str(getattr(param, "__name__", param))
    return _NOT_A_NAME.sub("_", name).strip("_")
