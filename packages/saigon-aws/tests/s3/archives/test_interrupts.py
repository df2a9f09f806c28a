"""Ctrl-C at every step: what was there is whole, and nothing else is."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from saigon.aws.s3 import (
    UnzipError,
    s3_iter_unzip,
    s3_object_to_file,
    s3_object_unzip,
    s3_temporary_file,
    s3_temporary_unzip,
)

# What changes something; an interrupt in between is one before the next of them.
CALLS = [
    (os, "mkdir"),
    (os, "rename"),
    (os, "replace"),
    (os, "link"),
    (os, "unlink"),
    (os, "rmdir"),
    (io, "open"),
]
CONTENTS = {"a.txt": b"1" * 100, "b/c.txt": b"2" * 100, "b/d/e.txt": b""}


class Interrupts:
    """Raises KeyboardInterrupt once, before or after the call of a number."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.left = at
        self.after = after
        self.was_raised = False

    def wrapped(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the call, interrupted when it is its turn."""

        def interrupted(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left != 0:
                return call(*arguments, **options)
            self.was_raised = True
            if self.after:
                got = call(*arguments, **options)
                # Nobody but this knows of what was opened.
                got = got["Body"] if isinstance(got, dict) else got
                if hasattr(got, "close"):
                    got.close()
            raise KeyboardInterrupt

        return interrupted

    def opened(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return an ``open`` that is interrupted itself, and whose files are."""
        opening = self.wrapped(call)

        def interrupted(path: Any, mode: str = "r", *arguments: Any) -> Any:
            file = opening(path, mode, *arguments)
            return file if mode == "rb" else File(file, self)

        return interrupted


class File:
    """A file that is interrupted when it is written to and when it is closed."""

    def __init__(self, file: Any, interrupts: Interrupts) -> None:
        self._file = file
        self.write = interrupts.wrapped(file.write)
        self._interrupted_close = interrupts.wrapped(file.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._interrupted_close()
        finally:
            self._file.close()


class Client:
    """A client that is interrupted in its requests and in their bodies."""

    def __init__(self, client: Any, interrupts: Interrupts) -> None:
        self._get = interrupts.wrapped(client.get_object)
        self._interrupts = interrupts

    def get_object(self, **arguments: Any) -> Any:
        answer = self._get(**arguments)
        body = answer["Body"]
        body.read = self._interrupts.wrapped(body.read)
        return answer


@dataclass(frozen=True)
class Scenario:
    """Something that is interrupted."""

    run: Callable[[Any, Any], object]
    old: dict[str, bytes] | None = None
    """The files in the destination before it; None where there is no destination."""
    new: dict[str, bytes] | None = None
    """The files in the destination after it; as before where absent."""
    refused: bool = False


def unzip(client: Any, place: Any, **options: Any) -> None:
    s3_object_unzip(client, "s3://bucket/good.zip", destination=place.out, **options)


def unzip_temporarily(client: Any, place: Any) -> None:
    with s3_temporary_unzip(client, "s3://bucket/good.zip") as paths:
        assert len(paths) == len(CONTENTS)


def keep_nowhere(client: Any, place: Any) -> None:
    """Extract where the caller learns the place from the result alone."""
    for path in s3_object_unzip(client, "s3://bucket/good.zip"):
        assert path.is_file()
    raise Finished


def download(client: Any, place: Any, **options: Any) -> None:
    target = place.out / "file" if options else place.out / "new"
    s3_object_to_file(client, "s3://bucket/plain", destination=target, **options)


def download_nowhere(client: Any, place: Any) -> None:
    s3_object_to_file(client, "s3://bucket/plain")
    raise Finished


def download_temporarily(client: Any, place: Any) -> None:
    with s3_temporary_file(client, "s3://bucket/plain") as path:
        assert path.read_bytes() == b"plain"


def refuse(client: Any, place: Any) -> None:
    s3_object_unzip(client, "s3://bucket/bad.zip", destination=place.out, overwrite=True)


def refuse_nowhere(client: Any, place: Any) -> None:
    s3_object_unzip(client, "s3://bucket/bad.zip")


def stream(client: Any, place: Any) -> None:
    for _, content in s3_iter_unzip(client, "s3://bucket/good.zip"):
        content.read(10)


class Finished(Exception):  # noqa: N818  # not an error: the run came to its end
    """The run ended, and what it made is the caller's."""


OLD = {"file": b"old", "deep/er/file": b"old too", "deep/other": b""}
SCENARIOS = {
    "unzip to a new directory": Scenario(unzip, None, CONTENTS),
    "unzip to an empty directory": Scenario(unzip, {}, CONTENTS),
    "unzip over an old directory": Scenario(
        lambda c, p: unzip(c, p, overwrite=True), OLD, CONTENTS
    ),
    "unzip without a destination": Scenario(keep_nowhere),
    "unzip for a block": Scenario(unzip_temporarily),
    "streams": Scenario(stream, OLD),
    "refusal over an old directory": Scenario(refuse, OLD, refused=True),
    "refusal to a new directory": Scenario(refuse, None, refused=True),
    "refusal without a destination": Scenario(refuse_nowhere, None, refused=True),
    "download of a new file": Scenario(
        download, {"file": b"old"}, {"file": b"old", "new": b"plain"}
    ),
    "download over an old file": Scenario(
        lambda c, p: download(c, p, overwrite=True), {"file": b"old"}, {"file": b"plain"}
    ),
    "download without a destination": Scenario(download_nowhere),
    "download for a block": Scenario(download_temporarily),
}


def files(place: Any) -> dict[str, bytes] | None:
    """Return the destination's files; a directory without any is one that was made for nothing."""
    if not place.out.exists():
        return None
    return {name: data for name, data in place.extracted().items() if data is not None}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_an_interrupt_at_any_step_leaves_the_old_or_the_new_and_nothing_else(
    scenario: Scenario, after: bool, zips: Any, new_s3: Any, new_place: Any
) -> None:
    good = zips.of(CONTENTS)
    bad = zips.archive(
        zips.member(b"a"), zips.member(b"b/c"), zips.member(b"b/bad", central={"crc": 1})
    )
    wrong = {}
    for step in range(1, 200):
        place, s3, interrupts = new_place(), new_s3(), Interrupts(step, after=after)
        s3.objects = {"good.zip": good, "bad.zip": bad, "plain": b"plain"}
        for name, content in (scenario.old or {}).items():
            (place.out / name).parent.mkdir(parents=True, exist_ok=True)
            (place.out / name).write_bytes(content)
        if scenario.old is not None:
            place.out.mkdir(exist_ok=True)
        outside = place.outside()
        ended = interrupted_run(scenario, interrupts, s3, place)
        if ended is Finished:
            break
        left = place.outside().keys() - outside.keys()
        if ended not in {None, KeyboardInterrupt, UnzipError}:
            wrong[step] = f"it ended in {ended}"
        elif files(place) not in ([scenario.old, scenario.new] if scenario.new else [scenario.old]):
            wrong[step] = f"{ended}: the destination has {files(place)}"
        elif place.outside() != outside:
            wrong[step] = f"{ended}: left behind {sorted(left)}"
        elif not s3.all_closed:
            wrong[step] = f"{ended}: a connection is still open"
        if not interrupts.was_raised:
            assert ended is (UnzipError if scenario.refused else None)
            break
    assert not wrong
    assert step > 4


def interrupted_run(
    scenario: Scenario, interrupts: Interrupts, s3: Any, place: Any
) -> type[BaseException] | None:
    """Return how the scenario ended, all calls of the file system being interruptible."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in CALLS:
            real = getattr(module, name)
            wrap = interrupts.opened if name == "open" else interrupts.wrapped
            patch.setattr(module, name, wrap(real))
        try:
            scenario.run(Client(s3, interrupts), place)
        except UnzipError:
            return UnzipError
        except BaseException as error:  # noqa: BLE001  # it is looked at by the caller
            return type(error)
    return None


CHILD = """
import hashlib, io, pathlib, sys, tempfile
from botocore.response import StreamingBody
from saigon.aws.s3 import s3_object_unzip

archive, destination, tempfile.tempdir, stop = sys.argv[1:]
content = pathlib.Path(archive).read_bytes()

class Body(StreamingBody):
    def read(self, amt=None):
        if requests == int(stop):
            print("reading", flush=True)
            sys.stdin.read()  # until the signal comes
        return super().read(amt)

class Client:
    def get_object(self, **arguments):
        global requests
        requests += 1
        first, _, last = arguments["Range"].removeprefix("bytes=").partition("-")
        span = slice(int(first), int(last) + 1) if first else slice(-int(last), None)
        start, end, _ = span.indices(len(content))
        part = content[start:end]
        return {
            "Body": Body(io.BytesIO(part), len(part)),
            "ETag": "tag",
            "ContentLength": len(part),
            "ContentRange": f"bytes {start}-{end - 1}/{len(content)}",
        }

requests = 0
s3_object_unzip(Client(), "s3://bucket/key", destination=destination or None, overwrite=True)
"""


@pytest.mark.parametrize("to", ["out", ""], ids=["destination", "temporary"])
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_a_process_that_is_interrupted_leaves_nothing_behind(
    to: str, zips: Any, place: Any, tmp_path: Path
) -> None:
    archive = tmp_path / "good.zip"
    archive.write_bytes(zips.of(CONTENTS))
    before = place.seen()
    arguments = [str(archive), str(place.world / to) if to else "", str(place.temporary), "2"]
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == b"reading\n"
        assert place.seen() != before
        child.send_signal(signal.SIGINT)
        said = child.stderr.read().decode()
    assert child.returncode == -signal.SIGINT
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert place.seen() == before
