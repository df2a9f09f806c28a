"""The peak of memory while objects are downloaded or unpacked, in a process of its own.

As a program it takes a :class:`Transfer` on standard input.
"""

import json
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from tools.bench.apart import highest_resident_bytes, peaks_of
from tools.bench.object_server import CHECKED
from tools.bench.objects import client_of

__all__ = ["Transfer", "TransferWay", "transfer_peaks"]

TransferWay = Literal[
    "s3_object_to_file", "download_file", "get_object", "s3_object_unzip", "download and extractall"
]


@dataclass(frozen=True, slots=True)
class Transfer:
    """What is transferred."""

    url: str
    """The server's."""
    way: TransferWay
    keys: tuple[str, ...]
    """The objects, one after the other; ascending in size, as a peak only grows."""
    results: str
    """The folder for files, each of which is removed before the next."""


def transfer_peaks(transfer: Transfer) -> tuple[int, ...]:
    """Return the highest resident memory, in bytes, up to the end of each object."""
    return peaks_of("tools.bench.transfers", transfer)


def main() -> None:
    given = json.load(sys.stdin)
    print(json.dumps(_transfer(Transfer(**given))))


def _transfer(transfer: Transfer) -> list[int]:
    client = client_of(transfer.url)
    highest: list[int] = []
    for key in transfer.keys:
        place = Path(tempfile.mkdtemp(dir=transfer.results))
        _WAYS[transfer.way](client, key, place / "result")
        highest.append(highest_resident_bytes())
        shutil.rmtree(place)
    return highest


def _our_download(client: Any, key: str, target: Path) -> None:
    from saigon.aws.s3 import s3_object_to_file

    s3_object_to_file(client, Bucket=CHECKED, Key=key, destination=target)


def _their_download(client: Any, key: str, target: Path) -> None:
    client.download_file(CHECKED, key, str(target))


def _at_once(client: Any, key: str, target: Path) -> None:
    target.write_bytes(client.get_object(Bucket=CHECKED, Key=key)["Body"].read())


def _our_unzip(client: Any, key: str, target: Path) -> None:
    from saigon.aws.s3 import s3_object_unzip

    s3_object_unzip(client, Bucket=CHECKED, Key=key, destination=target)


def _their_unzip(client: Any, key: str, target: Path) -> None:
    archive = target.with_suffix(".zip")
    client.download_file(CHECKED, key, str(archive))
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(target)


_WAYS: Final[dict[TransferWay, Callable[[Any, str, Path], None]]] = {
    "s3_object_to_file": _our_download,
    "download_file": _their_download,
    "get_object": _at_once,
    "s3_object_unzip": _our_unzip,
    "download and extractall": _their_unzip,
}


if __name__ == "__main__":
    main()
