"""An archive in S3 into files, by us and by what one would take instead.

Results are written into memory where there is such a file system, so the disk does not count.
"""

import hashlib
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any, Final

from tools.bench.by_hand import unzip_by_hand
from tools.bench.object_server import PLAIN
from tools.bench.objects import ARCHIVES, ArchiveKind, Objects, client_of, current_objects
from tools.bench.registry import Call, Counts, Pair, bench, require

Unzip = Callable[[Path], object]
_ONE: Final = "file 1.txt"


@contextmanager
def by_hand(kind: ArchiveKind) -> Iterator[Pair]:
    """Compare with the standard library's parts, put together for nothing but speed."""
    objects = current_objects()
    path = f"/{PLAIN}/{objects.archive(kind)}"
    with closing(HTTPConnection("127.0.0.1", objects.server.port)) as connection:
        yield _pair(objects, kind, lambda to: unzip_by_hand(connection, path, to))


@contextmanager
def extractall(kind: ArchiveKind) -> Iterator[Pair]:
    """Compare with the archive as a file first, and the standard library on it."""
    objects = current_objects()
    client, key = client_of(objects.server.url), objects.archive(kind)
    archive = objects.results / "archive.zip"

    def unzip(to: Path) -> None:
        client.download_file(PLAIN, key, str(archive))
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(to)

    yield _pair(objects, kind, unzip)


@contextmanager
def stream_unzip(kind: ArchiveKind) -> Iterator[Pair]:
    """Compare with the library that inflates while it reads."""
    require("stream_unzip")
    from stream_unzip import stream_unzip as members_of

    objects = current_objects()
    path = f"/{PLAIN}/{objects.archive(kind)}"
    with closing(HTTPConnection("127.0.0.1", objects.server.port)) as connection:

        def unzip(to: Path) -> None:
            connection.request("GET", path)
            response = connection.getresponse()
            for name, _, pieces in members_of(iter(partial(response.read, 65_536), b"")):
                file = to / name.decode()
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("wb") as opened:
                    opened.writelines(pieces)

        yield _pair(objects, kind, unzip)


@contextmanager
def remotezip(kind: ArchiveKind) -> Iterator[Pair]:
    """Compare with the library that asks for each member by a range."""
    require("remotezip")
    import requests
    from remotezip import RemoteZip

    objects = current_objects()
    url = objects.url(objects.archive(kind))
    with requests.Session() as session:

        def unzip(to: Path) -> None:
            with RemoteZip(url, session=session) as archive:
                archive.extractall(to)

        yield _pair(objects, kind, unzip)


@contextmanager
def smart_open(kind: ArchiveKind) -> Iterator[Pair]:
    """Compare with the standard library on a library's file object."""
    require("smart_open")
    objects = current_objects()
    client, key = client_of(objects.server.url), objects.archive(kind)

    def unzip(to: Path) -> None:
        with _smart_file(client, key) as file, zipfile.ZipFile(file) as archive:
            archive.extractall(to)

    yield _pair(objects, kind, unzip)


_FILES: Final[tuple[ArchiveKind, ...]] = ("small", "many")  # the large file takes seconds a call

for _name, _setup, _peer, _goal, _kinds in (
    ("by-hand", by_hand, "http.client and zlib by hand", "at most 1.1", ARCHIVES),
    ("extractall", extractall, "download_file and extractall", "below 1", ARCHIVES),
    ("stream-unzip", stream_unzip, "stream-unzip over http.client", "below 1", _FILES),
    ("remotezip", remotezip, "remotezip's extractall", "below 1", _FILES),
    ("smart-open", smart_open, "extractall over smart_open", "below 1", _FILES),
):
    for _kind in _kinds:
        bench(f"unzip-{_kind}-{_name}", peer=_peer, goal=_goal)(partial(_setup, _kind))


@bench("unzip-one-remotezip", peer="remotezip's extract", goal="none: both make two requests")
@contextmanager
def one_member() -> Iterator[Pair]:
    """Compare one member of many."""
    require("remotezip")
    import requests
    from remotezip import RemoteZip

    objects = current_objects()
    url = objects.url(objects.archive("many"))
    with requests.Session() as session:

        def extract(to: Path) -> None:
            with RemoteZip(url, session=session) as archive:
                archive.extract(_ONE, to)

        yield _pair(objects, "many", extract, members=[_ONE])


@bench("requests-one-member", peer="extract over smart_open", goal="two")
@contextmanager
def requests_of_one_member() -> Iterator[Counts]:
    """Count what one member of many takes."""
    require("smart_open")
    objects = current_objects()
    client, key = client_of(objects.server.url), objects.archive("many")

    def extract(to: Path) -> None:
        with _smart_file(client, key) as file, zipfile.ZipFile(file) as archive:
            archive.extract(_ONE, to)

    pair = _pair(objects, "many", extract, members=[_ONE])
    yield Counts(
        "requests",
        ours=partial(_requests_of, objects, pair.ours),
        peer=partial(_requests_of, objects, pair.peer),
    )


def _requests_of(objects: Objects, call: Call) -> int:
    before = objects.server.requests()
    call()
    return objects.server.requests() - before


def _smart_file(client: Any, key: str) -> Any:
    from smart_open import open as opened

    return opened(f"s3://{PLAIN}/{key}", "rb", transport_params={"client": client})


def _pair(
    objects: Objects, kind: ArchiveKind, peer: Unzip, *, members: list[str] | None = None
) -> Pair:
    """Hold both to the same files."""
    from saigon.aws.s3 import s3_object_unzip

    client, key = client_of(objects.server.url), objects.archive(kind)
    numbers = count()

    def place() -> Path:
        return objects.results / f"unzipped-{next(numbers)}"

    def theirs() -> Path:
        target = place()
        target.mkdir()
        peer(target)
        return target

    def ours() -> Path:
        target = place()
        s3_object_unzip(client, Bucket=PLAIN, Key=key, destination=target, members=members)
        return target

    def tidy() -> None:
        for folder in objects.results.iterdir():
            if folder.is_dir():
                shutil.rmtree(folder)

    tidy()
    expected = _digests_of_archive(objects.server.folder / key, members)
    for call in (ours, theirs):
        if _digests(call()) != expected:
            raise ValueError("the files are not those of the archive")
    return Pair(ours, theirs, tidy=tidy)


def _digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = _digest(file)
    return found


def _digests_of_archive(path: Path, members: list[str] | None) -> dict[str, str]:
    found = {}
    with zipfile.ZipFile(path) as archive:
        for name in members or archive.namelist():
            with archive.open(name) as file:
                found[name] = _digest(file)
    return found


def _digest(file: Any) -> str:
    found = hashlib.sha256()
    while piece := file.read(1024 * 1024):
        found.update(piece)
    return found.hexdigest()
