"""Archives of the programs that people make them with."""

import io
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from saigon.aws.s3 import (
    UnsafeMemberError,
    UnsupportedArchiveError,
    s3_iter_unzip,
    s3_object_unzip,
    s3_unzip_list,
)

FILES = {
    "a.txt": b"text " * 500,
    "empty": b"",
    "dir/b.bin": bytes(range(256)) * 20,
    "dir/sub/c.txt": b"c",
    "søster/日本.txt": b"unicode",
    "space here/d e.txt": b"d",
    "UPPER.TXT": b"u",
}
DIRECTORIES = {"dir", "dir/sub", "søster", "space here", "hollow"}
TREE: dict[str, bytes | None] = FILES | dict.fromkeys(DIRECTORIES)
SEVEN_ZIP = next(filter(shutil.which, ["7zz", "7z", "7za"]), None)

with_zip = pytest.mark.skipif(shutil.which("zip") is None, reason="the zip program is absent")
with_jar = pytest.mark.skipif(shutil.which("jar") is None, reason="the jar program is absent")
with_7z = pytest.mark.skipif(SEVEN_ZIP is None, reason="7z is absent")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    (root / "hollow").mkdir()
    return root


def run(*command: str, cwd: Path, given: bytes | None = None) -> bytes:
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command, cwd=cwd, input=given, check=True, capture_output=True, env=environment
    )
    return done.stdout


def extracted(s3: Any, place: Any, archive: bytes) -> dict[str, bytes | None]:
    """Extract with ours and check that the list and the streams tell the same."""
    url = s3.put(archive)
    paths = s3_object_unzip(s3, url, destination=place.out)
    got: dict[str, bytes | None] = place.extracted()
    files = {name: content for name, content in got.items() if content is not None}
    assert [path.relative_to(place.out).as_posix() for path in paths] == sorted(files)
    assert {member.name: stream.read() for member, stream in s3_iter_unzip(s3, url)} == files
    listed = [member for member in s3_unzip_list(s3, url) if not member.is_directory]
    assert {member.name: member.size for member in listed} == {
        name: len(content) for name, content in files.items()
    }
    return got


@with_zip
@pytest.mark.parametrize(
    "options",
    [["-0"], ["-9"], ["-fd"], ["-fz"], ["-fz-"], ["-X"], ["-UN=UTF8"], ["-0", "-fd"]],
    ids=" ".join,
)
def test_what_zip_packs_comes_out(
    options: list[str], tree: Path, s3: Any, place: Any, tmp_path: Path
) -> None:
    run("zip", "-q", "-r", *options, "../made.zip", ".", cwd=tree)
    assert extracted(s3, place, (tmp_path / "made.zip").read_bytes()) == TREE


@with_zip
def test_what_zip_writes_into_a_pipe_comes_out(tree: Path, s3: Any, place: Any) -> None:
    assert extracted(s3, place, run("zip", "-q", "-r", "-", ".", cwd=tree)) == TREE


@with_zip
@pytest.mark.parametrize("options", [[], ["-fz-"]], ids=["Zip64", "no Zip64"])
def test_what_zip_reads_and_writes_by_pipes_comes_out(
    options: list[str], s3: Any, place: Any, tmp_path: Path
) -> None:
    archive = run("zip", "-q", *options, "-", "-", cwd=tmp_path, given=b"piped " * 100)
    assert extracted(s3, place, archive) == {"-": b"piped " * 100}


@with_zip
def test_an_archive_of_zip_with_a_comment_comes_out(
    tree: Path, s3: Any, place: Any, tmp_path: Path
) -> None:
    run("zip", "-q", "-r", "-z", "../made.zip", ".", cwd=tree, given=b"a comment\nof two lines")
    archive = (tmp_path / "made.zip").read_bytes()
    assert archive.endswith(b"of two lines")
    assert extracted(s3, place, archive) == TREE


@with_zip
@pytest.mark.parametrize("adjusted", [False, True], ids=["as it is", "adjusted"])
def test_an_archive_of_zip_behind_a_program_comes_out(
    adjusted: bool, tree: Path, s3: Any, place: Any, tmp_path: Path
) -> None:
    made = tmp_path / "made.zip"
    run("zip", "-q", "-r", str(made), ".", cwd=tree)
    made.write_bytes(b"#!/bin/sh\nexit\n" + made.read_bytes())
    if adjusted:
        run("zip", "-q", "-A", str(made), cwd=tmp_path)
    assert extracted(s3, place, made.read_bytes()) == TREE


@with_zip
def test_an_archive_that_zip_has_changed_comes_out(
    tree: Path, s3: Any, place: Any, tmp_path: Path
) -> None:
    run("zip", "-q", "-r", "../made.zip", ".", cwd=tree)
    (tree / "a.txt").write_bytes(b"new")
    run("zip", "-q", "../made.zip", "a.txt", cwd=tree)
    run("zip", "-q", "-d", "../made.zip", "empty", cwd=tree)
    expected = {name: content for name, content in TREE.items() if name != "empty"}
    got = extracted(s3, place, (tmp_path / "made.zip").read_bytes())
    assert got == expected | {"a.txt": b"new"}


@with_zip
def test_a_link_that_zip_keeps_is_refused(tree: Path, s3: Any, place: Any, tmp_path: Path) -> None:
    (tree / "link").symlink_to("/etc/passwd")
    run("zip", "-q", "-r", "-y", "../made.zip", ".", cwd=tree)
    url, before = s3.put((tmp_path / "made.zip").read_bytes()), place.seen()
    for call in (s3_object_unzip, s3_unzip_list):
        with pytest.raises(UnsafeMemberError, match="link"):
            call(s3, url)
    assert place.seen() == before


@with_zip
@pytest.mark.parametrize("options", [[], ["-fd"]], ids=["", "with descriptors"])
def test_what_zip_encrypts_is_refused(
    options: list[str], tree: Path, s3: Any, place: Any, tmp_path: Path
) -> None:
    run("zip", "-q", "-r", "-e", "-P", "password", *options, "../made.zip", ".", cwd=tree)
    url, before = s3.put((tmp_path / "made.zip").read_bytes()), place.seen()
    for call in (s3_object_unzip, s3_unzip_list):
        with pytest.raises(UnsupportedArchiveError, match="encrypted"):
            call(s3, url)
    assert place.seen() == before


@with_zip
def test_a_volume_of_a_split_archive_is_refused(
    tree: Path, s3: Any, place: Any, tmp_path: Path
) -> None:
    (tree / "large").write_bytes(os.urandom(150_000))
    run("zip", "-q", "-r", "-s", "64k", "../made.zip", ".", cwd=tree)
    assert (tmp_path / "made.z01").is_file()
    url, before = s3.put((tmp_path / "made.zip").read_bytes()), place.seen()
    with pytest.raises(UnsupportedArchiveError, match="volumes"):
        s3_object_unzip(s3, url)
    assert place.seen() == before


@with_zip
def test_bzip2_of_zip_is_refused(tree: Path, s3: Any, tmp_path: Path) -> None:
    run("zip", "-q", "-r", "-Z", "bzip2", "../made.zip", ".", cwd=tree)
    url = s3.put((tmp_path / "made.zip").read_bytes())
    with pytest.raises(UnsupportedArchiveError, match="method 12"):
        s3_object_unzip(s3, url)


@with_jar
@pytest.mark.parametrize("options", ["cf", "cf0"])
def test_what_jar_packs_comes_out(
    options: str, tree: Path, s3: Any, place: Any, tmp_path: Path
) -> None:
    run("jar", options, "../made.jar", ".", cwd=tree)
    got = extracted(s3, place, (tmp_path / "made.jar").read_bytes())
    assert got.pop("META-INF/MANIFEST.MF")
    del got["META-INF"]
    assert got == TREE


@with_7z
@pytest.mark.parametrize("options", [["-mx=0"], ["-mx=9"], ["-mcu=on"], ["-mcu=off"]], ids=" ".join)
def test_what_7z_packs_comes_out(
    options: list[str], tree: Path, s3: Any, place: Any, tmp_path: Path
) -> None:
    assert SEVEN_ZIP is not None
    run(SEVEN_ZIP, "a", "-tzip", *options, "../made.zip", ".", cwd=tree)
    assert extracted(s3, place, (tmp_path / "made.zip").read_bytes()) == TREE


@with_7z
@pytest.mark.parametrize("method", ["ZipCrypto", "AES256"])
def test_what_7z_encrypts_is_refused(method: str, tree: Path, s3: Any, tmp_path: Path) -> None:
    assert SEVEN_ZIP is not None
    run(SEVEN_ZIP, "a", "-tzip", "-ppassword", f"-mem={method}", "../made.zip", ".", cwd=tree)
    with pytest.raises(UnsupportedArchiveError, match="encrypted"):
        s3_object_unzip(s3, s3.put((tmp_path / "made.zip").read_bytes()))


class Pipe(io.RawIOBase):
    """A file that can only be written to, like a socket."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.written += bytes(data)
        return len(bytes(data))


@pytest.mark.parametrize("force_zip64", [False, True], ids=["short", "Zip64"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("to", [io.BytesIO, Pipe])
def test_what_zipfile_writes_member_by_member_comes_out(
    to: Any, method: int, force_zip64: bool, s3: Any, place: Any
) -> None:
    target = to()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in TREE.items():
            if content is None:
                archive.mkdir(name)
            else:
                with archive.open(name, "w", force_zip64=force_zip64) as member:
                    member.write(content)
        archive.comment = "ein Kommentar für alle".encode()
    made = target.written if to is Pipe else target.getvalue()
    assert extracted(s3, place, made) == TREE


def test_what_zipfile_writes_of_a_directory_comes_out(
    tree: Path, s3: Any, place: Any, tmp_path: Path
) -> None:
    made = shutil.make_archive(str(tmp_path / "made"), "zip", tree)
    assert extracted(s3, place, Path(made).read_bytes()) == TREE


def test_what_zipfile_appends_to_a_program_comes_out(s3: Any, place: Any) -> None:
    target = io.BytesIO(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("__main__.py", "print()")
    assert target.getvalue().startswith(b"#!")
    assert extracted(s3, place, target.getvalue()) == {"__main__.py": b"print()"}


@pytest.mark.parametrize("descriptor", ["plain", "signed", "plain64", "signed64"])
@pytest.mark.parametrize("zip64", [False, True], ids=["short", "Zip64"])
@pytest.mark.parametrize("method", [0, 8])
def test_every_kind_of_data_descriptor_is_passed_over(
    *, descriptor: str, zip64: bool, method: int, zips: Any, s3: Any, place: Any
) -> None:
    fields = {"descriptor": descriptor, "zip64": zip64, "method": method}
    archive = zips.archive(
        zips.member(b"a", content=b"1" * 99, **fields),
        zips.member(b"b", content=b"", **fields),
        zips.member(b"c", content=b"3", **fields),
        zip64=zip64,
    )
    assert extracted(s3, place, archive) == {"a": b"1" * 99, "b": b"", "c": b"3"}


def test_as_many_members_as_the_short_end_record_can_tell_are_no_lie(zips: Any, s3: Any) -> None:
    """65,535 are written without Zip64 by zipfile, whose limit is that number itself."""
    from saigon.aws.s3._zip.records import find_end

    size = 65_535 * 47
    tail = zips.archive(end={"here": 65_535, "entries": 65_535, "size": size})
    found = find_end(bytes(66_000) + tail, size + len(tail))
    assert (found.entries, found.directory_start, found.directory_size) == (65_535, 0, size)
