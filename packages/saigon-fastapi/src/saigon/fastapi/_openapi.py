"""Changes to the OpenAPI document that an app makes of itself."""

import warnings
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

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


def declare_security_answers(schema: dict[str, Any]) -> None:
    """Declare 401 and 403 where an operation asks for credentials, and declares none itself."""
    for methods in schema.get("paths", {}).values():
        for operation in methods.values():
            if isinstance(operation, dict) and operation.get("security"):
                answers = operation.setdefault("responses", {})
                for status, answer in _SECURITY_ANSWERS.items():
                    answers.setdefault(status, deepcopy(answer))


_PROBLEM: Final = {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
_SECURITY_ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "401": {
        "description": "The credentials are missing or not valid.",
        "headers": {"WWW-Authenticate": {"schema": {"type": "string"}}},
        "content": _PROBLEM,
    },
    "403": {"description": "The credentials do not allow this.", "content": _PROBLEM},
}


def _rename_media_type(answer: dict[str, Any]) -> None:
    content = answer.get("content", {})
    reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    if reference.endswith("/ProblemDetails"):
        content[PROBLEM_MEDIA_TYPE] = content.pop("application/json")
