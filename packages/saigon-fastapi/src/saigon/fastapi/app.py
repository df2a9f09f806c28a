"""The app factory: everything of this package, put together in the right order."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware import Middleware
from starlette.types import Lifespan

from saigon.fastapi._body_limit import BodySizeLimit
from saigon.fastapi._health import ReadinessCheck, health_router
from saigon.fastapi._identity.sources import IdentitySource
from saigon.fastapi._openapi import declare_problems, extend_openapi
from saigon.fastapi._outer_middleware import OuterLogMiddleware
from saigon.fastapi._own_answers import OwnAnswers
from saigon.fastapi._request.client_address import ProxyHops
from saigon.fastapi._request.reading import ContextReader
from saigon.fastapi.context import open_call_context
from saigon.fastapi.exceptions import ConfigurationError
from saigon.fastapi.headers import RequestContext
from saigon.fastapi.middleware import QUIET_PATHS
from saigon.fastapi.problems import PROBLEM_RESPONSES, install_problem_handlers
from saigon.fastapi.routing import use_route_names_as_operation_ids

__all__ = ["DEFAULT_MAX_BODY_BYTES", "create_app"]

DEFAULT_MAX_BODY_BYTES: Final = 10 * 1024 * 1024
"""10 MiB, about what API Gateway lets through."""


def create_app(
    *,
    title: str,
    version: str = "0.1.0",
    description: str = "",
    routers: Sequence[APIRouter] = (),
    lifespan: Lifespan[FastAPI] | None = None,
    context_type: type[RequestContext] = RequestContext,
    identity: IdentitySource | None = None,
    proxy_hops: ProxyHops | None = None,
    cors: Mapping[str, Any] | None = None,
    middleware: Sequence[Middleware] = (),
    exception_handlers: Mapping[int | type[Exception], Callable[..., Any]] | None = None,
    readiness: Mapping[str, ReadinessCheck] | None = None,
    quiet_paths: Collection[str] = QUIET_PATHS,
    slow_after: timedelta = timedelta(seconds=1),
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES,
    docs: bool = True,
    **options: Any,
) -> FastAPI:
    """Make a FastAPI app with logging, request context, problem documents and health routes.

    From the outside in stand: ``LogMiddleware``; CORS, whose headers the answers to a crash and to
    a caller that cannot be identified have too; the cap on the body; the middleware given; the
    handlers of errors; the routes.

    Args:
        title: The title of the OpenAPI document.
        version: The version of the API.
        description: The text of the OpenAPI document.
        routers: The routers to include. Each operation's id is the name of its route.
        lifespan: What is set up before the first request, and torn down after the last.
        context_type: The type of request context; see ``custom_request_context``.
        identity: The one source of identities. Without one every request is anonymous.
        proxy_hops: The proxies before the service, for the client's address.
        cors: The arguments of Starlette's ``CORSMiddleware``, such as ``allow_origins``.
        middleware: Further middleware, the outermost first.
        exception_handlers: Further handlers; one for the same type takes the place of the one
            installed here. None for ``Exception`` or 500: a crash is answered by
            ``LogMiddleware``.
        readiness: Checks by name, for ``/health/ready``: each is given five seconds, and fails by
            raising or returning ``False``. A plain function runs in a worker thread.
        quiet_paths: Paths that are logged only when slow or failed.
        slow_after: From when on a request is slow, and its line a warning.
        max_body_bytes: The largest body of a request; a larger one is answered with 413.
        docs: Serve the OpenAPI document and the pages that show it.
        options: Further arguments of ``FastAPI``, such as ``openapi_tags``, ``servers`` or
            ``telemetry={…}``. Not ``root_path``, which belongs to the server.

    Raises:
        ConfigurationError: The identity's rule of trust would believe anyone here or its secret be
            shown, a handler would never be called, or an option is not the factory's to take.
        DuplicateOperationIdError: Two operations would have one id.
    """
    # Starlette makes middleware at the first request: what it would refuse is refused now.
    ContextReader(context_type, identity, proxy_hops)
    _check_reachable(exception_handlers or {})
    _check_options(options)
    app = FastAPI(
        title=title,
        version=version,
        description=description,
        lifespan=lifespan,
        dependencies=[Depends(open_call_context)],
        responses={**PROBLEM_RESPONSES},
        openapi_url="/openapi.json" if docs else None,
        middleware=[
            Middleware(
                OuterLogMiddleware,
                context_type=context_type,
                identity=identity,
                proxy_hops=proxy_hops,
                quiet_paths=quiet_paths,
                slow_after=slow_after,
            ),
            *_cors(cors),
            Middleware(OwnAnswers),
            Middleware(BodySizeLimit, max_bytes=max_body_bytes),
            *middleware,
        ],
        **options,
    )
    install_problem_handlers(app)
    for error, handler in (exception_handlers or {}).items():
        app.add_exception_handler(error, handler)
    app.include_router(health_router(readiness or {}))
    for router in routers:
        app.include_router(router)
    use_route_names_as_operation_ids(app)
    extend_openapi(app, lambda schema: declare_problems(schema, PROBLEM_RESPONSES))
    return app


def _check_reachable(handlers: Mapping[int | type[Exception], Callable[..., Any]]) -> None:
    # Starlette calls these two outside of all middleware, where the answer has been given.
    if not {500, Exception}.isdisjoint(handlers):
        raise ConfigurationError(
            "a handler of Exception or 500 would never be called: LogMiddleware answers a crash; "
            "handle the errors by their own types"
        )


def _check_options(options: Mapping[str, Any]) -> None:
    own = sorted({"dependencies", "openapi_url", "responses", "root_path"}.intersection(options))
    if own:
        raise ConfigurationError(
            f"create_app does not take {', '.join(own)}: a root path is given to the server "
            "(uvicorn --root-path), dependencies and responses to a router, docs=False hides the "
            "document"
        )


def _cors(options: Mapping[str, Any] | None) -> list[Middleware]:
    if options is None:
        return []
    from starlette.middleware.cors import CORSMiddleware

    return [Middleware(CORSMiddleware, **options)]
