"""Changes to the OpenAPI document that an app makes of itself."""

import warnings
from collections.abc import Callable, Iterator, Mapping
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


def declare_problems(schema: dict[str, Any], known: Mapping[int | str, Mapping[str, Any]]) -> None:
    """Put the problem answers under their own media type; FastAPI knows the route's alone.

    An operation that asks for credentials is given 401 and 403, where it declares none itself.

    Args:
        schema: The document.
        known: The problem answers that every operation declares.
    """
    operations = list(_operations(schema))
    references = {
        reference
        for operation in operations
        for status, answer in known.items()
        for reference in _references(operation.get("responses", {}).get(str(status), {}))
        if operation["responses"][str(status)].get("description") == answer["description"]
    }
    for operation in operations:
        answers = operation.get("responses", {})
        for status, answer in answers.items():
            if not status.startswith(("1", "2", "3")) and references & _references(answer):
                answer["content"] = {
                    PROBLEM_MEDIA_TYPE if _reference(each) in references else media_type: each
                    for media_type, each in answer["content"].items()
                }
        if operation.get("security") and references:
            for status, answer in _security_answers(min(references)).items():
                answers.setdefault(status, answer)


def _operations(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in schema.get("paths", {}).values():
        yield from (operation for operation in methods.values() if isinstance(operation, dict))


def _references(answer: Mapping[str, Any]) -> set[str]:
    return {_reference(content) for content in answer.get("content", {}).values()} - {""}


def _reference(content: Mapping[str, Any]) -> str:
    return str(content.get("schema", {}).get("$ref", ""))


def _security_answers(reference: str) -> dict[str, dict[str, Any]]:
    def content() -> dict[str, Any]:
        return {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": reference}}}

    return {
        "401": {
            "description": "The credentials are missing or not valid.",
            "headers": {"WWW-Authenticate": {"schema": {"type": "string"}}},
            "content": content(),
        },
        "403": {"description": "The credentials do not allow this.", "content": content()},
    }
