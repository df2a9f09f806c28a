"""An object into a file, by us and by what one would take instead.

Results are written into memory where there is such a file system, so the disk does not count.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.bench.by_hand import raw_reader
from tools.bench.object_server import CHECKED, PLAIN
from tools.bench.objects import Objects, client_of, current_objects
from tools.bench.registry import Call, Pair, bench, require

Download = Callable[[Path], object]


@bench("download-raw", peer="a raw socket read into one buffer", goal="at most 1.15")
@contextmanager
def against_a_raw_socket() -> Iterator[Pair]:
    """Compare where neither computes a checksum, as of an object that S3 has none of."""
    objects = current_objects()
    path = f"/{PLAIN}/{objects.blob()}"
    with raw_reader(objects.server.port) as reader:
        yield _pair(objects, PLAIN, lambda to: reader.download(path, to, checked=False))


@bench("download-raw-checked", peer="a raw socket read and its CRC-32", goal="at most 1.15")
@contextmanager
def against_a_raw_socket_and_its_checksum() -> Iterator[Pair]:
    """Compare where both compute the checksum."""
    objects = current_objects()
    path = f"/{CHECKED}/{objects.blob()}"
    with raw_reader(objects.server.port) as reader:
        yield _pair(objects, CHECKED, lambda to: reader.download(path, to, checked=True))


@bench("download-file", peer="boto3's download_file", goal="at most 0.5")
@contextmanager
def against_download_file() -> Iterator[Pair]:
    """Compare with boto3's own, which asks for ranges in ten threads."""
    yield _against_download_file(PLAIN)


@bench("download-file-checked", peer="download_file, which checks none", goal="at most 0.5")
@contextmanager
def checked_against_download_file() -> Iterator[Pair]:
    """Compare where there is a checksum, which ours verifies; ranges have none."""
    yield _against_download_file(CHECKED)


def _against_download_file(bucket: str) -> Pair:
    objects = current_objects()
    client, key = client_of(objects.server.url), objects.blob()
    return _pair(objects, bucket, lambda to: client.download_file(bucket, key, str(to)))


@bench("download-at-once", peer="get_object read at once and written", goal="below 1")
@contextmanager
def against_get_object() -> Iterator[Pair]:
    """Compare with the body in one piece, whose checksum is verified too."""
    objects = current_objects()
    client, key = client_of(objects.server.url), objects.blob()
    yield _pair(objects, CHECKED, lambda to: to.write_bytes(_body(client, key)))


@bench("download-smart-open", peer="smart_open in reads of 1 MiB", goal="below 1")
@contextmanager
def against_smart_open() -> Iterator[Pair]:
    """Compare with a library's file object."""
    require("smart_open")
    from smart_open import open as smart_open

    objects = current_objects()
    parameters = {"client": client_of(objects.server.url)}
    url = f"s3://{CHECKED}/{objects.blob()}"

    def download(to: Path) -> None:
        with smart_open(url, "rb", transport_params=parameters) as source, to.open("wb") as file:
            while piece := source.read(1024 * 1024):
                file.write(piece)

    yield _pair(objects, CHECKED, download)


def _body(client: Any, key: str) -> bytes:
    content: bytes = client.get_object(Bucket=CHECKED, Key=key, ChecksumMode="ENABLED")[
        "Body"
    ].read()
    return content


def _pair(objects: Objects, bucket: str, peer: Download) -> Pair:
    """Hold both to the same file."""
    from saigon.aws.s3 import s3_object_to_file

    client, key = client_of(objects.server.url), objects.blob()
    mine, theirs = objects.results / "ours.bin", objects.results / "peer.bin"

    def tidy() -> None:
        mine.unlink(missing_ok=True)
        theirs.unlink(missing_ok=True)

    def ours() -> object:
        return s3_object_to_file(client, Bucket=bucket, Key=key, destination=mine, overwrite=True)

    pair = Pair(ours, lambda: peer(theirs), tidy=tidy)
    tidy()
    _check(pair.ours, mine, objects.server.folder / key)
    _check(pair.peer, theirs, objects.server.folder / key)
    return pair


def _check(call: Call, result: Path, original: Path) -> None:
    call()
    if _digest(result) != _digest(original):
        raise ValueError(f"{result.name} is not the object")


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
