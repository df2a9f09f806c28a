"""The routes that tell whether the process lives and whether it can do its work."""

import asyncio
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import anyio.to_thread
from anyio import CapacityLimiter
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
    named = {name: _Check(name, check) for name, check in checks.items()}

    @router.get(LIVE_PATH)
    async def live() -> Response:
        return JSONResponse({"status": "ok"})

    @router.get(READY_PATH)
    async def ready() -> Response:
        passed = await asyncio.gather(*(check.passes() for check in named.values()))
        failed = [name for name, has_passed in zip(named, passed, strict=True) if not has_passed]
        if failed:
            return problem_response(503, detail="not ready: " + ", ".join(failed))
        return JSONResponse({"status": "ok"})

    return router


class _Check:
    """One check. Whoever asks while it runs is given what it comes to."""

    def __init__(self, name: str, check: ReadinessCheck) -> None:
        self._name = name
        self._check = check
        self._flight: asyncio.Task[bool] | None = None
        self._thread = threading.Lock()

    async def passes(self) -> bool:
        """Tell whether the check passes, within the time that it is given."""
        flight = self._flight
        if flight is None or flight.done() or flight.get_loop() is not asyncio.get_running_loop():
            flight = self._flight = asyncio.create_task(self._run())
        # Whoever asked first may leave; the others still wait for it, no longer than it may take.
        try:
            return await asyncio.wait_for(asyncio.shield(flight), _TIMEOUT)
        except TimeoutError:
            return False

    async def _run(self) -> bool:
        try:
            async with asyncio.timeout(_TIMEOUT) as bound:
                result = await self._call()
            return result is not False and not bound.expired()
        except Exception:  # noqa: BLE001  # whatever a check raises, it has failed
            _log.exception("the readiness check %s failed", self._name)
            return False

    async def _call(self) -> object:
        if inspect.iscoroutinefunction(self._check):
            return await self._check()
        # In a thread of its own: those of the endpoints may all be taken. One that hangs is left
        # behind.
        result = await anyio.to_thread.run_sync(
            self._call_in_thread, abandon_on_cancel=True, limiter=CapacityLimiter(1)
        )
        return await result if inspect.isawaitable(result) else result

    def _call_in_thread(self) -> object:
        # Behind one that hangs the next one waits, and gives up: threads do not pile up.
        if not self._thread.acquire(timeout=_TIMEOUT):
            raise TimeoutError(f"the readiness check {self._name} still hangs")
        try:
            return self._check()
        finally:
            self._thread.release()
