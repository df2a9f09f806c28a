"""The objects that are downloaded and unpacked, the same in each run but for their size."""

import os
import random
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, get_args

from tools.bench.object_server import PLAIN, ObjectServer, start_object_server
from tools.bench.run import SHORT_ROWS, current_run

__all__ = ["ARCHIVES", "ArchiveKind", "Objects", "client_of", "current_objects", "scaled"]

ArchiveKind = Literal["small", "single", "many"]
ARCHIVES: Final[tuple[ArchiveKind, ...]] = get_args(ArchiveKind)
"""Many files of some KiB, one large file, and files of 1 MiB."""

_MEBIBYTE: Final = 2**20
_BLOB_SIZE: Final = 256 * _MEBIBYTE
_SINGLE_SIZE: Final = 512 * _MEBIBYTE
_SMALL_FILES: Final = 2_000
_SMALL_SIZES: Final = (1_024, 8_192)
_MANY_FILES: Final = 200
_SEED: Final = 7
_VOCABULARY: Final = 1_000


@dataclass(frozen=True, slots=True)
class Objects:
    """A server of the objects, and room for results."""

    server: ObjectServer
    results: Path
    """An empty folder, in memory where the system has such a file system."""

    def archive(self, kind: ArchiveKind) -> str:
        """Return the key of an archive, made when first asked for."""
        if kind == "single":
            return self.archive_of(scaled(_SINGLE_SIZE))
        return self._made(f"{kind}.zip", _write_small if kind == "small" else _write_many)

    def blob(self) -> str:
        """Return the key of an object of bytes that do not compress, made when first asked for."""
        return self.blob_of(scaled(_BLOB_SIZE))

    def blob_of(self, size: int) -> str:
        """Return the key of such an object of a size."""
        return self._made(f"{size}.bin", lambda path: _write_blob(path, size))

    def archive_of(self, size: int) -> str:
        """Return the key of an archive of one file of a size."""
        return self._made(f"{size}.zip", lambda path: _write_single(path, size))

    def url(self, key: str) -> str:
        """Return the address of an object for clients that know nothing of S3."""
        return f"{self.server.url}/{PLAIN}/{key}"

    def _made(self, key: str, make: Callable[[Path], None]) -> str:
        path = self.server.folder / key
        if not path.exists():
            make(path)
        return key


def current_objects() -> Objects:
    """Return the objects of the run that has been started."""
    return current_run().shared(_start)


def scaled(full: int) -> int:
    """Return a size or number, smaller in runs that are shorter than the default one."""
    return max(1, full * min(current_run().rows, SHORT_ROWS) // SHORT_ROWS)


def client_of(url: str) -> Any:
    """Return a client of ours for a server of objects, with made-up credentials."""
    from boto3.session import Session

    from saigon.aws.s3 import s3_get_client

    session = Session(
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="of a server that asks for none",  # noqa: S106  # it is none
        region_name="eu-west-1",
    )
    return s3_get_client(endpoint_url=url, session=session)


@contextmanager
def _start() -> Iterator[Objects]:
    # A disk writes when it likes to, which would be charged to whoever happens to run.
    memory = Path("/dev/shm")  # noqa: S108  # a file system, not a file
    room = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="saigon-bench-", dir=room) as folder:
        objects, results = Path(folder) / "objects", Path(folder) / "results"
        objects.mkdir()
        results.mkdir()
        with start_object_server(objects) as server:
            yield Objects(server, results)


def _write_blob(path: Path, size: int) -> None:
    block = random.Random(_SEED).randbytes(_MEBIBYTE)  # noqa: S311  # content, no secret
    with path.open("wb") as file:
        for start in range(0, size, len(block)):
            file.write(block[: size - start])


def _write_small(path: Path) -> None:
    sizes = random.Random(_SEED)  # noqa: S311  # likewise
    text = _text()
    with _new_archive(path) as archive:
        for number in range(scaled(_SMALL_FILES)):
            start = sizes.randrange(len(text) - _SMALL_SIZES[1])
            content = text[start : start + sizes.randint(*_SMALL_SIZES)]
            archive.writestr(f"folder {number % 20}/file {number}.txt", content)


def _write_single(path: Path, size: int) -> None:
    text = _text()
    member = zipfile.ZipInfo("large.txt")
    member.compress_type, member.file_size = zipfile.ZIP_DEFLATED, size
    with _new_archive(path) as archive, archive.open(member, "w") as file:
        for start in range(0, size, len(text)):
            file.write(text[: size - start])


def _write_many(path: Path) -> None:
    text = _text()
    with _new_archive(path) as archive:
        for number in range(scaled(_MANY_FILES)):
            at = number * 4_099 % len(text)
            archive.writestr(f"file {number}.txt", text[at:] + text[:at])


def _new_archive(path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)


@cache
def _text() -> bytes:
    """Return 1 MiB of lines that deflate to a third or a quarter, as logs and tables do."""
    chance = random.Random(_SEED)  # noqa: S311  # likewise
    words = [chance.randbytes(chance.randint(2, 6)).hex() for _ in range(_VOCABULARY)]
    weights = [1 / (place + 1) for place in range(len(words))]
    text = " ".join(chance.choices(words, weights, k=_MEBIBYTE // 5))
    return text.encode()[:_MEBIBYTE].ljust(_MEBIBYTE)
