import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from saigon.orm import _greenlets
from saigon.orm._greenlets import to_the_end

Run = Callable[[Any], None]


def test_work_goes_on_to_its_end_however_often_its_caller_is_cancelled(run: Run) -> None:
    async def main() -> None:
        done, go_on = [], asyncio.Event()

        async def work() -> None:
            await go_on.wait()
            done.append(1)

        caller = asyncio.create_task(to_the_end(work()))
        for _ in range(5):
            await asyncio.sleep(0)
            caller.cancel()
        await asyncio.sleep(0)
        assert not caller.done()
        go_on.set()
        await asyncio.wait([caller])
        assert (caller.cancelled(), done) == (True, [1])

    run(main())


def test_what_it_raises_is_raised_or_gives_way_to_the_cancellation(run: Run) -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise KeyError

    async def main() -> None:
        with pytest.raises(KeyError):
            await to_the_end(fail())
        caller = asyncio.create_task(to_the_end(fail()))
        await asyncio.sleep(0)
        caller.cancel()
        await asyncio.wait([caller])
        assert caller.cancelled()

    run(main())


@pytest.mark.parametrize("within", [0.1, 60.0])
def test_work_without_an_end_is_given_up(
    run: Run, monkeypatch: pytest.MonkeyPatch, within: float
) -> None:
    """After its time, or some seconds after its caller was cancelled."""
    monkeypatch.setattr(_greenlets, "_PATIENCE", 0.1)

    async def main() -> None:
        caller = asyncio.create_task(to_the_end(asyncio.Event().wait(), within=within))
        await asyncio.sleep(0)
        if within > 1:
            caller.cancel()
        await asyncio.wait([caller], timeout=20)
        assert caller.cancelled()

    run(main())
