"""The memory that reading many rows takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from tools.bench.databases import KINDS, Kind
from tools.bench.peak import Reading, peaks
from tools.bench.registry import Peaks, bench
from tools.bench.run import current_run

_PARTS: Final = (100, 10, 1)


@contextmanager
def stream_against_list(kind: Kind) -> Iterator[Peaks]:
    """Compare rows that are read one after the other with as many in a list."""
    run = current_run()
    sizes = tuple(run.rows // part for part in _PARTS)
    url = run.orders_url(kind)
    yield Peaks(
        sizes,
        ours=partial(peaks, Reading(url, "fetch_iter", sizes)),
        peer=partial(peaks, Reading(url, "fetch_all", sizes)),
    )


for _kind in KINDS:
    bench(f"memory-{_kind}", peer="fetch_all", goal="growth at most 1.1")(
        partial(stream_against_list, _kind)
    )
