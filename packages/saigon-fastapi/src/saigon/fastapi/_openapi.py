"""Changes to the OpenAPI document that an app makes of itself."""

import warnings
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI

from saigon.model.problems import PROBLEM_MEDIA_TYPE


def extend_openapi(app: FastAPI, change: Callable[[dict[str, Any]], None]) -> None:
    """Apply a change, one that may be applied again, to the document whenever it is asked for.

    See Also:
        https://fastapi.tiangolo.com/how-to/extending-openapi/
    """
    original = app.openapi

    def openapi() -> dict[str, Any]:
        with warnings.catch_warnings():
            # A route of several methods has one id with FastAPI, but one for each after the change.
            warnings.filterwarnings("ignore", message="Duplicate Operation ID")
            schema = original()
        change(schema)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def declare_problem_media_type(schema: dict[str, Any]) -> None:
    """Put the problem answers under their own media type; FastAPI knows the route's alone."""
    for methods in schema.get("paths", {}).values():
        for operation in methods.values():
            if isinstance(operation, dict):
                for answer in operation.get("responses", {}).values():
                    _rename_media_type(answer)


def _rename_media_type(answer: dict[str, Any]) -> None:
    content = answer.get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    if reference.endswith("/ProblemDetails"):
        content[PROBLEM_MEDIA_TYPE] = content.pop("application/json")
