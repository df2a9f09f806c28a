"""The memory that reading many rows takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from tools.bench.databases import KINDS, Kind
from tools.bench.peak import Reading, Way, peaks
from tools.bench.registry import Peaks, bench
from tools.bench.run import current_run

_PARTS: Final = (100, 10, 1)


@contextmanager
def against(peer: Way, ours: Way, kind: Kind) -> Iterator[Peaks]:
    """Compare rows that are read in two ways, each in a process of its own."""
    run = current_run()
    sizes = tuple(run.rows // part for part in _PARTS)
    url = run.orders_url(kind)
    yield Peaks(
        sizes,
        ours=partial(peaks, Reading(url, ours, sizes)),
        peer=partial(peaks, Reading(url, peer, sizes)),
    )


for _kind in KINDS:
    bench(f"memory-{_kind}", peer="fetch_all", goal="growth at most 1.1")(
        partial(against, "fetch_all", "fetch_iter", _kind)
    )
    bench(f"memory-async-{_kind}", peer="fetch_iter", goal="growth at most 1.1")(
        partial(against, "fetch_iter", "async fetch_iter", _kind)
    )
