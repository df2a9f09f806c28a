"""Operation ids by the names of the routes, and the template of the route that was taken."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.datastructures import DefaultPlaceholder
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.types import Scope

from saigon.fastapi._openapi import extend_openapi
from saigon.fastapi.exceptions import DuplicateOperationIdError

__all__ = ["route_template", "use_route_names_as_operation_ids"]


def use_route_names_as_operation_ids(app: FastAPI) -> None:
    """Give each operation of the OpenAPI document the name of its route as its id.

    Included and nested routers are covered, and routers that are shared with another app are left
    as they are. Ids that were set keep standing: ``operation_id`` of a route, or
    ``generate_unique_id_function`` of an inclusion, which is the way to include a router twice.
    A route of several methods has them appended, as in ``read_item_get``.

    Call it when all routes are there. Routes that are added later are covered as well, and
    checked when the document is made.

    Raises:
        DuplicateOperationIdError: Two operations would have one id.
    """
    _check_unique(app)

    def rename(schema: dict[str, Any]) -> None:
        for operation in _check_unique(app):
            methods = schema["paths"].get(operation.path, {})
            if operation.method in methods:
                methods[operation.method]["operationId"] = operation.id

    extend_openapi(app, rename)


class _Operation(NamedTuple):
    id: str
    method: str
    path: str


def _check_unique(app: FastAPI) -> list[_Operation]:
    seen: dict[str, _Operation] = {}
    for operation in _operations(app):
        other = seen.setdefault(operation.id, operation)
        if other is not operation:
            raise DuplicateOperationIdError(
                f"two operations would have the id {operation.id!r}: "
                f"{other.method.upper()} {other.path} and "
                f"{operation.method.upper()} {operation.path}; name one of the routes otherwise, "
                "set operation_id=, give include_router a generate_unique_id_function=, or make a "
                "route of each method"
            )
    return list(seen.values())


def _operations(app: FastAPI) -> Iterator[_Operation]:
    for context in iter_route_contexts(app.routes):
        if not isinstance(context.original_route, APIRoute) or not context.include_in_schema:
            continue
        methods = sorted(method.lower() for method in context.methods or ())
        for method in methods:
            operation_id = _operation_id(context, method if len(methods) > 1 else "")
            yield _Operation(operation_id, method, context.path_format or "")


def _operation_id(context: RouteContext, suffix: str) -> str:
    if context.operation_id:
        return str(context.operation_id)
    if not isinstance(context.generate_unique_id_function, DefaultPlaceholder):
        return str(context.unique_id)
    return f"{context.name}_{suffix}" if suffix else str(context.name)


def route_template(scope: Scope) -> str | None:
    """Return the path template of the route that answered, with the prefixes it is under.

    The prefixes are those of included routers and of mounted apps, not the ``root_path`` that the
    server was given. ``None`` where no route of FastAPI matched.

    Args:
        scope: The scope, after the router has seen it.
    """
    path = getattr(_included_route(scope, scope.get("route")), "path_format", None)
    if path is None:
        return None
    root_path: str = scope.get("root_path", "")
    # Mounting an app lengthens the root path, and keeps the server's beside it.
    return root_path.removeprefix(scope.get("app_root_path", root_path)) + str(path)


def _included_route(scope: Scope, route: object) -> object:
    # For an included router the scope's route is the original, without the prefix of the
    # inclusion; FastAPI keeps the route as included beside it.
    included = scope.get("fastapi", {}).get("effective_route_context")
    if included is None or route is None:
        return route
    if included.starlette_route is not None:
        return included.starlette_route if included.starlette_route is route else route
    return included if included.original_route is route else route
