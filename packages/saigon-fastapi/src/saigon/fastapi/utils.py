"""What a service imports most, gathered from the modules that hold it."""

from saigon.fastapi.app import create_app
from saigon.fastapi.context import CallContext, call_context
from saigon.fastapi.handlers import RequestHandler
from saigon.fastapi.logging import (
    asynclogcontext,
    enable_log_context,
    logcontext,
    set_log_context,
    unset_log_context,
)
from saigon.fastapi.middleware import LogMiddleware
from saigon.fastapi.pagination import (
    query_date_range,
    query_pagination_params,
    validate_query_date_range,
    validate_query_pagination_params,
)
from saigon.fastapi.problems import problem_response, validation_error_exception_handler
from saigon.fastapi.routing import use_route_names_as_operation_ids

__all__ = [
    "CallContext",
    "LogMiddleware",
    "RequestHandler",
    "asynclogcontext",
    "call_context",
    "create_app",
    "enable_log_context",
    "logcontext",
    "problem_response",
    "query_date_range",
    "query_pagination_params",
    "set_log_context",
    "unset_log_context",
    "use_route_names_as_operation_ids",
    "validate_query_date_range",
    "validate_query_pagination_params",
    "validation_error_exception_handler",
]
