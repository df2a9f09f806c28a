import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tools.bench.registry import Unavailable
from tools.bench.run import Run, start_run


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Give a run whose table is filled at once."""
    with start_run(2_000) as run:
        yield run


@pytest.fixture
def skipping() -> Callable[[], AbstractContextManager[None]]:
    """Skip what cannot run here; servers that are required must be there, peers need not."""

    @contextmanager
    def skip_what_is_unavailable() -> Iterator[None]:
        try:
            yield
        except Unavailable as reason:
            required = os.environ.get("SAIGON_REQUIRE_SERVICES") == "1"
            if required and "is not installed" not in str(reason):
                pytest.fail(str(reason))
            pytest.skip(str(reason))

    return skip_what_is_unavailable
