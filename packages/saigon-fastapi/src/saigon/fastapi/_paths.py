"""What the path of a request has in an app."""

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Match
from starlette.types import Scope


def allowed_methods(app: FastAPI, scope: Scope) -> list[str]:
    """Return the methods that some route of the app has for the path of a request.

    Starlette's own ``Allow`` names those of the first route of the path alone.

    See Also:
        https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6
    """
    matching = (
        context.methods
        for context in iter_route_contexts(app.routes)
        if context.methods and context.matches(scope)[0] is not Match.NONE
    )
    return sorted(set().union(*matching))


def path_below_root(scope: Scope) -> str:
    """Return the path without the root path that the server was given."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(root) if path.startswith(f"{root}/") else path
