"""What fetch_iter takes of memory, measured in processes of its own."""

import pytest

from tools.bench.orders import fill
from tools.bench.peak import Reading, Way, peaks

MEBIBYTE = 2**20
FLAT = 8 * MEBIBYTE
"""Far more than buffers vary, far less than the rows of the smallest difference take."""


def growth(url: str, way: Way, *sizes: int) -> int:
    fill(url, sizes[-1])
    highest = peaks(Reading(url, way, sizes))
    return highest[-1] - highest[0]


@pytest.mark.parametrize("way", ["fetch_iter", "async fetch_iter"])
def test_memory_of_a_stream_does_not_grow_with_its_rows(database_url: str, way: Way) -> None:
    assert growth(database_url, way, 10_000, 50_000) < FLAT


@pytest.mark.slow
@pytest.mark.parametrize("way", ["fetch_iter", "async fetch_iter"])
def test_memory_of_a_long_stream_is_that_of_a_short_one(database_url: str, way: Way) -> None:
    assert growth(database_url, way, 10_000, 100_000, 1_000_000) < FLAT


def test_memory_of_a_list_grows_so_that_it_would_be_seen(sqlite_url: str) -> None:
    assert growth(sqlite_url, "fetch_all", 10_000, 40_000) > 2 * FLAT
