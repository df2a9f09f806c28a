"""The routes that tell whether the process lives and whether it can do its work."""

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import anyio
import anyio.to_thread
from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from saigon.fastapi.problems import problem_response

ReadinessCheck: TypeAlias = Callable[[], object] | Callable[[], Awaitable[object]]

_log = logging.getLogger(__name__)

LIVE_PATH: Final = "/health/live"
READY_PATH: Final = "/health/ready"
_TIMEOUT: Final = 5.0  # seconds


def health_router(checks: Mapping[str, ReadinessCheck]) -> APIRouter:
    """Return a router of two routes, outside of the OpenAPI document."""
    router = APIRouter(include_in_schema=False)

    @router.get(LIVE_PATH)
    async def live() -> Response:
        return JSONResponse({"status": "ok"})

    @router.get(READY_PATH)
    async def ready() -> Response:
        failed = [name for name, check in checks.items() if not await _passes(name, check)]
        if failed:
            return problem_response(503, detail="not ready: " + ", ".join(failed))
        return JSONResponse({"status": "ok"})

    return router


async def _passes(name: str, check: ReadinessCheck) -> bool:
    try:
        with anyio.fail_after(_TIMEOUT):
            return await _run(check) is not False
    except Exception:  # noqa: BLE001  # whatever a check raises, it has failed
        _log.exception("the readiness check %s failed", name)
        return False


async def _run(check: ReadinessCheck) -> object:
    if inspect.iscoroutinefunction(check):
        return await check()
    # A check that hangs is left behind in its thread.
    result = await anyio.to_thread.run_sync(check, abandon_on_cancel=True)
    return await result if inspect.isawaitable(result) else result
