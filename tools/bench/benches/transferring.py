"""The memory that downloads and extractions take; the first, tiny one brings what all share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from tools.bench.objects import ArchiveKind, Objects, current_objects, scaled
from tools.bench.registry import Peaks, bench
from tools.bench.transfers import Transfer, TransferWay, transfer_peaks

_TINY: Final = 1_024
_MEBIBYTES: Final = (32, 512)

Keys = Callable[[Objects, int], str]


@contextmanager
def against(peer: TransferWay, ours: TransferWay, key: Keys) -> Iterator[Peaks]:
    """Compare transfers of growing size, each way in a process of its own."""
    objects = current_objects()
    sizes = (_TINY, *(scaled(size * 2**20) for size in _MEBIBYTES))
    transfer = partial(
        Transfer,
        url=objects.server.url,
        keys=tuple(key(objects, size) for size in sizes),
        results=str(objects.results),
    )
    yield Peaks(
        sizes,
        ours=partial(transfer_peaks, transfer(way=ours)),
        peer=partial(transfer_peaks, transfer(way=peer)),
        unit="bytes",
    )


for _peer in ("download_file", "get_object"):
    bench(f"memory-download-{_peer.replace('_', '-')}", peer=_peer, goal="below 4 MiB added")(
        partial(against, _peer, "s3_object_to_file", Objects.blob_of)
    )
bench("memory-unzip-single", peer="download_file and extractall", goal="below 8 MiB added")(
    partial(against, "download and extractall", "s3_object_unzip", Objects.archive_of)
)


@contextmanager
def many_members(kind: ArchiveKind) -> Iterator[Peaks]:
    """Compare an archive of many files with one of a tiny one."""
    objects = current_objects()
    tiny, full = objects.archive_of(_TINY), objects.archive(kind)
    transfer = partial(
        Transfer, url=objects.server.url, keys=(tiny, full), results=str(objects.results)
    )
    size = (objects.server.folder / full).stat().st_size
    yield Peaks(
        (_TINY, size),
        ours=partial(transfer_peaks, transfer(way="s3_object_unzip")),
        peer=partial(transfer_peaks, transfer(way="download and extractall")),
        unit="bytes",
    )


for _kind in ("small", "many"):
    bench(f"memory-unzip-{_kind}", peer="download_file and extractall", goal="below 8 MiB added")(
        partial(many_members, _kind)
    )
