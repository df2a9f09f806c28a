from collections.abc import Iterator

import pytest

from tools.bench.objects import Objects, current_objects, scaled
from tools.bench.run import FULL_ROWS, SHORT_ROWS, start_run
from tools.bench.transfers import Transfer, transfer_peaks

MEBIBYTE = 2**20


@pytest.fixture(scope="module")
def objects() -> Iterator[Objects]:
    with start_run(2_000):
        yield current_objects()


def test_peak_of_an_object_read_at_once_grows_with_its_size(objects: Objects) -> None:
    keys = tuple(objects.blob_of(size) for size in (1_024, 64 * MEBIBYTE))
    transfer = Transfer(objects.server.url, "get_object", keys, str(objects.results))
    small, large = transfer_peaks(transfer)
    assert 50 * MEBIBYTE < large - small < 200 * MEBIBYTE
    assert not any(objects.results.iterdir())


def test_archive_deflates_as_texts_do(objects: Objects) -> None:
    size = 4 * MEBIBYTE
    packed = objects.server.folder / objects.archive_of(size)
    assert 3 < size / packed.stat().st_size < 5


def test_object_is_made_once(objects: Objects) -> None:
    path = objects.server.folder / objects.blob_of(1_000)
    made = path.stat().st_mtime_ns
    assert (objects.server.folder / objects.blob_of(1_000)).stat().st_mtime_ns == made
    assert path.stat().st_size == 1_000


def test_sizes_follow_a_short_run_and_no_long_one() -> None:
    found = []
    for rows in (1, SHORT_ROWS // 10, SHORT_ROWS, FULL_ROWS):
        with start_run(rows):
            found.append(scaled(1_000))
    assert found == [1, 100, 1_000, 1_000]


def test_objects_are_served_until_the_end_of_the_run() -> None:
    with start_run(10):
        first = current_objects()
        assert current_objects() is first
        assert first.results.is_dir()
    assert not first.results.exists()
