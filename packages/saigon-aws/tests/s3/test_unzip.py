"""Archives as files."""

import io
import os
import random
import shutil
import stat
import struct
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saigon.aws.s3 import (
    BadArchiveError,
    S3ObjectChangedError,
    S3ObjectNotFoundError,
    UnsafeMemberError,
    UnsupportedArchiveError,
    UnzipError,
    UnzipLimitError,
    UnzipLimits,
    s3_iter_unzip,
    s3_object_unzip,
    s3_temporary_unzip,
    s3_unzip_list,
    s3_write_bytes,
)

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

MakeZip = Callable[..., bytes]
FilesBelow = Callable[[Path], list[str]]

MIB = 1024 * 1024
MEMBERS = {"b/c/deep.txt": b"deep" * 1000, "a.txt": b"", "b/d.bin": bytes(range(256)) * 9}


def patched(archive: bytes, old: bytes, new: bytes, count: int = -1) -> bytes:
    assert len(old) == len(new)
    assert old in archive
    return archive.replace(old, new, count)


def written(name: str, content: bytes = b"x", *, mode: int = 0) -> bytes:
    """Return an archive of one member whose name and mode the zipfile module would not change."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("x" * len(name.encode()))
        info.external_attr = mode << 16
        archive.writestr(info, content)
    return patched(buffer.getvalue(), b"x" * len(name.encode()), name.encode())


class TestExtraction:
    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_all_files_come_out_in_two_requests(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path, method: int
    ) -> None:
        url = object_server.put(make_zip(MEMBERS, method=method))
        root = tmp_path / "out"
        got = s3_object_unzip(object_server.client, url, destination=root)
        assert got == sorted(root / name for name in MEMBERS)
        assert {str(path.relative_to(root)): path.read_bytes() for path in got} == MEMBERS
        assert len(object_server.ranges) == 2
        assert [path.name for path in tmp_path.iterdir()] == ["out"]

    def test_without_a_destination_it_is_a_new_directory(
        self, object_server: Any, make_zip: MakeZip
    ) -> None:
        got = s3_object_unzip(object_server.client, object_server.put(make_zip({"a": b"1"})))
        assert got[0].read_bytes() == b"1"
        got[0].unlink()
        got[0].parent.rmdir()

    @pytest.mark.parametrize("members", [{}, {"a/": b"", "b/": b""}], ids=["none", "directories"])
    def test_without_files_a_new_directory_is_not_left_where_nobody_finds_it(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path, members: Any, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        assert s3_object_unzip(object_server.client, object_server.put(make_zip(members))) == []
        assert not list(tmp_path.iterdir())

    def test_empty_directories_are_made(
        self, object_server: Any, tmp_path: Path, files_below: FilesBelow, make_zip: MakeZip
    ) -> None:
        url = object_server.put(make_zip({"empty/": b"", "a/b/": b"", "a/b/c": b"1"}))
        got = s3_object_unzip(object_server.client, url, destination=tmp_path / "out")
        assert got == [tmp_path / "out/a/b/c"]
        assert files_below(tmp_path / "out") == ["a", "a/b", "a/b/c", "empty"]

    def test_an_archive_without_members_is_an_empty_directory(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        url = object_server.put(make_zip({}))
        assert s3_object_unzip(object_server.client, url, destination=tmp_path / "out") == []
        assert (tmp_path / "out").is_dir()

    def test_one_member_of_many_costs_its_own_bytes_alone(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        members = {f"{i}.bin": random.Random(i).randbytes(10_000) for i in range(200)}
        url = object_server.put(make_zip(members))
        got = s3_object_unzip(
            object_server.client, url, destination=tmp_path / "out", members=["77.bin"]
        )
        assert [path.read_bytes() for path in got] == [members["77.bin"]]
        first, last = map(int, object_server.ranges[1].removeprefix("bytes=").split("-"))
        assert last - first < 11_000

    def test_a_member_that_is_not_there_is_named(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        url = object_server.put(make_zip(MEMBERS))
        with pytest.raises(UnzipError, match=r"nowhere\.txt"):
            s3_object_unzip(
                object_server.client, url, destination=tmp_path / "out", members=["nowhere.txt"]
            )
        assert not list(tmp_path.iterdir())

    def test_a_long_directory_costs_a_third_request(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        members = {f"{'n' * 100}/{i:05}.txt": b"%d" % i for i in range(3000)}
        url = object_server.put(make_zip(members))
        got = s3_object_unzip(object_server.client, url, destination=tmp_path / "out")
        assert len(got) == 3000
        assert got[-1].read_bytes() == b"2999"
        assert len(object_server.ranges) == 3

    def test_a_broken_connection_is_taken_up_again(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        content = os.urandom(2 * MIB)
        object_server.breaks = [100, 10**9, MIB, 5]
        url = object_server.put(make_zip({"a": content}))
        got = s3_object_unzip(object_server.client, url, destination=tmp_path / "out")
        assert got[0].read_bytes() == content

    def test_an_archive_replaced_between_the_requests_is_a_change(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        url = object_server.put(make_zip(MEMBERS))

        def replace() -> None:
            if object_server.ranges:
                object_server.put(make_zip({"other": b"1"}))

        object_server.on_request = replace
        with pytest.raises(S3ObjectChangedError):
            s3_object_unzip(object_server.client, url, destination=tmp_path / "out")
        assert not list(tmp_path.iterdir())

    def test_progress_counts_the_bytes_written(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        seen: list[tuple[int, int]] = []
        url = object_server.put(make_zip({"a": os.urandom(3 * MIB), "b": b"1"}))
        s3_object_unzip(
            object_server.client,
            url,
            destination=tmp_path / "out",
            progress=lambda done, total: seen.append((done, total)),
        )
        assert seen[-1] == (3 * MIB + 1, 3 * MIB + 1)
        assert len(seen) <= 4

    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
    def test_an_exception_from_progress_leaves_nothing(
        self,
        object_server: Any,
        make_zip: MakeZip,
        tmp_path: Path,
        error: type[BaseException],
    ) -> None:
        def cancel(done: int, total: int) -> None:
            raise error

        url = object_server.put(make_zip({"a/b": os.urandom(2 * MIB)}))
        with pytest.raises(error):
            s3_object_unzip(
                object_server.client, url, destination=tmp_path / "out", progress=cancel
            )
        assert not list(tmp_path.iterdir())

    def test_it_works_on_the_aws_of_the_tests(
        self, s3_client: "S3Client", aws_bucket: str, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        found = s3_write_bytes(s3_client, aws_bucket, "a.zip", make_zip(MEMBERS), "application/zip")
        got = s3_object_unzip(s3_client, **found, destination=tmp_path / "out")
        assert [path.read_bytes() for path in got] == [MEMBERS[n] for n in sorted(MEMBERS)]
        with pytest.raises(S3ObjectNotFoundError):
            s3_unzip_list(s3_client, Bucket=aws_bucket, Key="absent.zip")


class TestDestination:
    def test_a_directory_with_content_is_kept_unless_told_otherwise(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path, files_below: FilesBelow
    ) -> None:
        root = tmp_path / "out"
        root.mkdir()
        (root / "old").write_bytes(b"")
        url = object_server.put(make_zip({"new": b"1"}))
        with pytest.raises(FileExistsError):
            s3_object_unzip(object_server.client, url, destination=root)
        assert object_server.ranges == []
        s3_object_unzip(object_server.client, url, destination=root, overwrite=True)
        assert files_below(tmp_path) == ["out", "out/new"]

    def test_an_empty_directory_is_taken(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path, files_below: FilesBelow
    ) -> None:
        root = tmp_path / "out"
        root.mkdir()
        url = object_server.put(make_zip({"new": b"1"}))
        s3_object_unzip(object_server.client, url, destination=root)
        assert files_below(tmp_path) == ["out", "out/new"]

    def test_a_bad_archive_leaves_the_old_content(
        self, object_server: Any, tmp_path: Path, files_below: FilesBelow
    ) -> None:
        root = tmp_path / "out"
        root.mkdir()
        (root / "old").write_bytes(b"")
        url = object_server.put(b"no archive")
        with pytest.raises(BadArchiveError):
            s3_object_unzip(object_server.client, url, destination=root, overwrite=True)
        assert files_below(tmp_path) == ["out", "out/old"]

    def test_an_interrupt_while_old_content_is_removed_leaves_none_of_it(
        self,
        object_server: Any,
        make_zip: MakeZip,
        tmp_path: Path,
        files_below: FilesBelow,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        root = tmp_path / "out"
        root.mkdir()
        (root / "old").write_bytes(b"")
        url = object_server.put(make_zip({"new": b"1"}))
        rmtree = shutil.rmtree

        def interrupted(path: Path, **options: Any) -> None:
            monkeypatch.setattr(shutil, "rmtree", rmtree)
            raise KeyboardInterrupt

        monkeypatch.setattr(shutil, "rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            s3_object_unzip(object_server.client, url, destination=root, overwrite=True)
        assert files_below(tmp_path) == ["out", "out/new"]

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_content_that_appears_during_the_extraction_is_kept(
        self,
        object_server: Any,
        make_zip: MakeZip,
        tmp_path: Path,
        files_below: FilesBelow,
        overwrite: bool,
    ) -> None:
        root = tmp_path / "out"

        def appear(_done: int, _total: int) -> None:
            root.mkdir()
            (root / "another's").write_bytes(b"")

        def extract() -> None:
            s3_object_unzip(
                object_server.client,
                object_server.put(make_zip({"new": b"1"})),
                destination=root,
                progress=appear,
                overwrite=overwrite,
            )

        if overwrite:
            extract()
            assert files_below(tmp_path) == ["out", "out/new"]
        else:
            with pytest.raises(FileExistsError):
                extract()
            assert files_below(tmp_path) == ["out", "out/another's"]

    def test_a_file_that_appears_during_the_extraction_is_kept(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path, files_below: FilesBelow
    ) -> None:
        with pytest.raises(FileExistsError):
            s3_object_unzip(
                object_server.client,
                object_server.put(make_zip({"new": b"1"})),
                destination=tmp_path / "out",
                progress=lambda _done, _total: (tmp_path / "out").write_bytes(b"another's"),
            )
        assert files_below(tmp_path) == ["out"]

    @pytest.mark.parametrize("place", [".", "..", "../out"])
    def test_the_working_directory_is_not_replaced(
        self, object_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
    ) -> None:
        (tmp_path / "out/below").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / "out" / ("below" if place == ".." else ""))
        with pytest.raises(FileExistsError, match="working directory"):
            s3_object_unzip(
                object_server.client, "s3://bucket/key", destination=place, overwrite=True
            )
        assert object_server.ranges == []

    @pytest.mark.parametrize("mode", [0o700, 0o2770])
    def test_a_private_directory_stays_private(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path, mode: int
    ) -> None:
        root = tmp_path / "out"
        root.mkdir()
        root.chmod(mode)
        url = object_server.put(make_zip({"new": b"1"}))
        s3_object_unzip(object_server.client, url, destination=root)
        assert stat.S_IMODE(root.stat().st_mode) == mode

    def test_a_temporary_extraction_is_nobody_elses(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        url = object_server.put(make_zip({"a/b": b"1"}))
        with s3_temporary_unzip(object_server.client, url) as files:
            top = tmp_path / files[0].relative_to(tmp_path).parts[0]
            assert stat.S_IMODE(top.stat().st_mode) == 0o700

    def test_extractions_to_one_place_at_one_time_leave_one_of_them(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path, files_below: FilesBelow
    ) -> None:
        url = object_server.put(make_zip({"new": b"1"}))
        client, root, ready = object_server.client, tmp_path / "out", threading.Barrier(4)

        def extract(_: int) -> None:
            s3_object_unzip(
                client,
                url,
                destination=root,
                overwrite=True,
                progress=lambda _done, _total: ready.wait(10),
            )

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(extract, range(24)))
        assert files_below(tmp_path) == ["out", "out/new"]

    def test_a_mount_point_is_refused_before_any_request(
        self, object_server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os.path, "ismount", lambda path: path == tmp_path)
        with pytest.raises(FileExistsError, match="mount point"):
            s3_object_unzip(object_server.client, "s3://bucket/key", destination=tmp_path)
        assert object_server.ranges == []

    def test_a_file_in_the_way_is_kept(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        (tmp_path / "out").write_bytes(b"")
        url = object_server.put(make_zip({"new": b"1"}))
        with pytest.raises(FileExistsError):
            s3_object_unzip(object_server.client, url, destination=tmp_path / "out", overwrite=True)

    def test_a_place_in_no_directory_is_not_found(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        url = object_server.put(make_zip({"new": b"1"}))
        with pytest.raises(FileNotFoundError):
            s3_object_unzip(object_server.client, url, destination=tmp_path / "no/out")

    def test_a_temporary_extraction_is_gone_after_the_block(
        self, object_server: Any, make_zip: MakeZip
    ) -> None:
        url = object_server.put(make_zip(MEMBERS))
        with s3_temporary_unzip(object_server.client, url, members=["a.txt"]) as files:
            assert [path.name for path in files] == ["a.txt"]
        assert not files[0].parent.exists()


class TestFormat:
    def refused(
        self, object_server: Any, tmp_path: Path, archive: bytes, error: type[UnzipError]
    ) -> str:
        url = object_server.put(archive)
        with pytest.raises(error, match=r"^s3://bucket/key") as caught:
            s3_object_unzip(object_server.client, url, destination=tmp_path / "out")
        assert not list(tmp_path.iterdir())
        return str(caught.value)

    def test_zip64_sizes_and_offsets_are_read(self, object_server: Any, tmp_path: Path) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("a", "b"):
                with archive.open(name, "w", force_zip64=True) as member:
                    member.write(name.encode() * 10)
        url = object_server.put(buffer.getvalue())
        got = s3_object_unzip(object_server.client, url, destination=tmp_path / "out")
        assert [path.read_bytes() for path in got] == [b"a" * 10, b"b" * 10]

    def test_a_zip64_end_record_is_read(
        self,
        object_server: Any,
        make_zip: MakeZip,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
        archive = b"prefix" + make_zip(MEMBERS)
        assert b"PK\x06\x06" in archive
        got = s3_object_unzip(
            object_server.client, object_server.put(archive), destination=tmp_path / "out"
        )
        assert len(got) == 3

    def test_data_descriptors_are_passed_over(self, object_server: Any, tmp_path: Path) -> None:
        class Pipe(io.RawIOBase):
            def __init__(self) -> None:
                self.content = b""

            def writable(self) -> bool:
                return True

            def write(self, data: Any, /) -> int:
                self.content += bytes(data)
                return len(data)

        pipe = Pipe()
        with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in MEMBERS.items():
                archive.writestr(name, content)
        got = s3_object_unzip(
            object_server.client, object_server.put(pipe.content), destination=tmp_path / "out"
        )
        assert [path.read_bytes() for path in got] == [MEMBERS[n] for n in sorted(MEMBERS)]

    @pytest.mark.parametrize("comment", [b"", b"c" * 65535])
    def test_bytes_before_and_a_comment_after_are_no_matter(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path, comment: bytes
    ) -> None:
        archive = b"#!/bin/sh\n" + make_zip(MEMBERS, comment=comment)
        got = s3_object_unzip(
            object_server.client, object_server.put(archive), destination=tmp_path / "out"
        )
        assert len(got) == 3

    def test_names_are_utf8_or_cp437(self, object_server: Any, tmp_path: Path) -> None:
        utf8 = object_server.put(zip_of({"søster/日本.txt": b"1"}), "utf8")
        old = object_server.put(
            patched(zip_of({"xx.txt": b"1"}), b"xx.txt", b"\x81\x82.txt"), "old"
        )
        (first,) = s3_object_unzip(object_server.client, utf8, destination=tmp_path / "a")
        (second,) = s3_object_unzip(object_server.client, old, destination=tmp_path / "b")
        assert first == tmp_path / "a/søster/日本.txt"
        assert second.name == "üé.txt"

    @pytest.mark.parametrize("size", [0, 5, 21, 22, 5000])
    def test_what_is_no_archive_is_refused(
        self, object_server: Any, tmp_path: Path, size: int
    ) -> None:
        self.refused(object_server, tmp_path, random.Random(7).randbytes(size), BadArchiveError)

    def test_an_archive_cut_anywhere_is_refused(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        whole = make_zip({"a": b"1" * 50, "b": b"2"})
        for cut in range(1, len(whole), 7):
            self.refused(object_server, tmp_path, whole[:-cut], BadArchiveError)

    def test_two_ends_are_refused(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        inner = make_zip({"inner": b"1"})
        archive = make_zip({"outer": b"1"}, comment=inner)
        assert "two ends" in self.refused(object_server, tmp_path, archive, BadArchiveError)

    def test_content_that_differs_from_its_crc_is_refused(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        archive = make_zip({"a": b"good content"}, method=zipfile.ZIP_STORED)
        self.refused(object_server, tmp_path, patched(archive, b"good", b"evil"), BadArchiveError)

    @pytest.mark.parametrize("told", [3, 5000])
    def test_content_of_another_size_is_refused(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path, told: int
    ) -> None:
        archive = make_zip({"a": b"1" * 4000})
        lying = patched(archive, struct.pack("<L", 4000), struct.pack("<L", told))
        self.refused(object_server, tmp_path, lying, BadArchiveError)

    @pytest.mark.parametrize(
        ("offset", "value"),
        [(6, b"\x00\x08"), (8, b"\x00\x00"), (14, b"\x01\x02\x03\x04"), (22, b"\x09"), (30, b"z")],
        ids=["flags", "method", "crc", "size", "name"],
    )
    def test_a_local_header_that_disagrees_is_refused(
        self,
        object_server: Any,
        make_zip: MakeZip,
        tmp_path: Path,
        offset: int,
        value: bytes,
    ) -> None:
        archive = bytearray(make_zip({"a": b"content" * 100}))
        archive[offset : offset + len(value)] = value
        text = self.refused(object_server, tmp_path, bytes(archive), BadArchiveError)
        assert "disagrees" in text

    def test_an_encrypted_member_is_refused(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        archive = bytearray(make_zip({"a": b"1"}))
        archive[archive.rfind(b"PK\x01\x02") + 8] |= 1
        text = self.refused(object_server, tmp_path, bytes(archive), UnsupportedArchiveError)
        assert "encrypted" in text

    def test_an_unknown_method_is_refused(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        archive = make_zip(MEMBERS, method=zipfile.ZIP_BZIP2)
        assert "method 12" in self.refused(
            object_server, tmp_path, archive, UnsupportedArchiveError
        )


class TestSafety:
    def refused(
        self, object_server: Any, tmp_path: Path, archive: bytes, error: type[UnzipError]
    ) -> None:
        url = object_server.put(archive)
        with pytest.raises(error, match=r"^s3://bucket/key: "):
            s3_object_unzip(object_server.client, url, destination=tmp_path / "out")
        assert not list(tmp_path.iterdir())
        assert len(object_server.ranges) == 1

    @pytest.mark.parametrize(
        "name",
        [
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/./x",
            "./x",
            "a//x",
            "C:/x",
            "c:x",
            "a\\x",
            "..\\x",
            "a\0b",
            "a\nb",
            "a\x1b[2J",
            "//",
            "/",
        ],
    )
    def test_a_path_that_is_not_one_of_plain_names_is_refused(
        self, object_server: Any, tmp_path: Path, name: str
    ) -> None:
        self.refused(object_server, tmp_path, written(name, b""), UnsafeMemberError)

    @pytest.mark.parametrize("mode", [0o120777, 0o020666, 0o060666, 0o140755, 0o040755])
    def test_links_and_devices_are_refused(
        self, object_server: Any, tmp_path: Path, mode: int
    ) -> None:
        self.refused(object_server, tmp_path, written("link", mode=mode), UnsafeMemberError)

    @pytest.mark.parametrize(
        "names",
        [
            ("aa", "bb", "bb"),
            ("Name", "name", "else"),
            ("STRASSE", "straße", "else"),
            ("caf\u00e9", "cafe\u0301", "else"),
            ("dd", "dd/file", "else"),
            ("DD", "dd/file", "else"),
            ("dd/", "dd/", "else"),
            ("dd/", "DD", "else"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
    def test_two_members_for_one_place_are_refused(
        self, object_server: Any, tmp_path: Path, names: tuple[str, ...]
    ) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name in names:
                archive.writestr(name, b"")
        self.refused(object_server, tmp_path, buffer.getvalue(), UnsafeMemberError)

    def test_members_that_share_their_bytes_are_refused(
        self, object_server: Any, tmp_path: Path
    ) -> None:
        archive = zip_of({"aaaa": b"1" * 1000, "bbbb": b"1" * 1000})
        second = archive.index(b"PK\x03\x04", 4)
        directory = archive.index(b"PK\x01\x02")
        entry = archive.index(b"PK\x01\x02", directory + 4)
        shared = bytearray(archive)
        shared[entry + 42 : entry + 46] = struct.pack("<L", 0)
        assert second > 0
        self.refused(object_server, tmp_path, bytes(shared), BadArchiveError)

    def test_a_bomb_that_quotes_local_headers_is_refused(
        self, object_server: Any, tmp_path: Path
    ) -> None:
        self.refused(object_server, tmp_path, quoted_overlap_bomb(50), BadArchiveError)

    def test_a_member_that_reaches_into_the_directory_is_refused(
        self, object_server: Any, tmp_path: Path
    ) -> None:
        archive = zip_of({"a": b"1" * 100}, zipfile.ZIP_STORED)
        longer = patched(archive, struct.pack("<LL", 100, 100), struct.pack("<LL", 150, 150))
        self.refused(object_server, tmp_path, longer, BadArchiveError)


class TestLimits:
    @pytest.mark.parametrize(
        "limits",
        [
            UnzipLimits(total_bytes=1999),
            UnzipLimits(member_bytes=999),
            UnzipLimits(members=1),
            UnzipLimits(directory_bytes=50),
            UnzipLimits(path_bytes=5),
            UnzipLimits(depth=2),
        ],
    )
    def test_what_is_over_a_limit_is_refused_after_one_request(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path, limits: UnzipLimits
    ) -> None:
        url = object_server.put(make_zip({"a/b/cc": b"1" * 1000, "b": b"2" * 1000}))
        with pytest.raises(UnzipLimitError):
            s3_object_unzip(object_server.client, url, destination=tmp_path / "out", limits=limits)
        assert not list(tmp_path.iterdir())
        assert len(object_server.ranges) == 1

    def test_what_is_just_within_the_limits_comes_out(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        limits = UnzipLimits(total_bytes=2000, member_bytes=1000, members=2, path_bytes=6, depth=3)
        url = object_server.put(make_zip({"a/b/cc": b"1" * 1000, "b": b"2" * 1000}))
        got = s3_object_unzip(
            object_server.client, url, destination=tmp_path / "out", limits=limits
        )
        assert len(got) == 2

    def test_a_ratio_counts_only_above_one_mib(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        small = object_server.put(make_zip({"a": bytes(MIB)}), "small")
        large = object_server.put(make_zip({"a": bytes(MIB + 1)}), "large")
        assert s3_object_unzip(object_server.client, small, destination=tmp_path / "a")
        with pytest.raises(UnzipLimitError, match="200 times"):
            s3_object_unzip(object_server.client, large, destination=tmp_path / "b")

    def test_many_small_bombs_are_one_bomb(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        url = object_server.put(make_zip({str(i): bytes(MIB) for i in range(3)}))
        with pytest.raises(UnzipLimitError, match="the archive inflates"):
            s3_object_unzip(object_server.client, url, destination=tmp_path / "out")

    def test_members_left_out_do_not_count(
        self, object_server: Any, make_zip: MakeZip, tmp_path: Path
    ) -> None:
        url = object_server.put(make_zip({"a": b"1", "b": b"2" * 1000}))
        got = s3_object_unzip(
            object_server.client,
            url,
            destination=tmp_path / "out",
            members={"a"},
            limits=UnzipLimits(total_bytes=1),
        )
        assert len(got) == 1

    @pytest.mark.parametrize("value", [0, -1])
    def test_a_limit_below_one_is_refused(self, value: int) -> None:
        with pytest.raises(ValueError, match="ratio"):
            UnzipLimits(ratio=value)

    @pytest.mark.parametrize("value", [True, 1.5, float("nan"), float("inf"), "9", None])
    def test_a_limit_that_is_no_whole_number_is_refused(self, value: Any) -> None:
        with pytest.raises(ValueError, match="total_bytes"):
            UnzipLimits(total_bytes=value)

    @pytest.mark.parametrize(
        "options",
        [
            {"members": "a.txt"},
            {"members": b"a.txt"},
            {"members": 5},
            {"members": ["a.txt", 1]},
            {"limits": None},
            {"limits": {"members": 1}},
        ],
        ids=repr,
    )
    @pytest.mark.parametrize("function", [s3_object_unzip, s3_iter_unzip])
    def test_a_wrong_choice_is_refused_before_any_request(
        self, object_server: Any, options: dict[str, Any], function: Any
    ) -> None:
        with pytest.raises(ValueError, match="expected"):
            function(object_server.client, "s3://bucket/key", **options)
        assert object_server.ranges == []

    def test_any_collection_of_names_will_do(self, object_server: Any, make_zip: MakeZip) -> None:
        url = object_server.put(make_zip(MEMBERS))
        for names in (["a.txt"], {"a.txt"}, iter(["a.txt", "a.txt"]), {"a.txt": 1}.keys()):
            got = [m.name for m, _ in s3_iter_unzip(object_server.client, url, members=names)]
            assert got == ["a.txt"]


class TestStreams:
    def test_members_are_read_without_the_disk(self, object_server: Any, make_zip: MakeZip) -> None:
        url = object_server.put(make_zip(MEMBERS))
        got = {m.name: stream.read() for m, stream in s3_iter_unzip(object_server.client, url)}
        assert got == MEMBERS
        assert len(object_server.ranges) == 2

    def test_what_is_left_of_a_member_is_skipped(
        self, object_server: Any, make_zip: MakeZip
    ) -> None:
        members = {"a": os.urandom(2 * MIB), "b": b"second"}
        url = object_server.put(make_zip(members))
        got = [stream.read(6) for _, stream in s3_iter_unzip(object_server.client, url)]
        assert got == [members["a"][:6], b"second"]

    def test_lines_are_read_as_from_any_file(self, object_server: Any, make_zip: MakeZip) -> None:
        url = object_server.put(make_zip({"a.jsonl": b"1\n2\n3\n"}))
        for _, stream in s3_iter_unzip(object_server.client, url):
            assert [int(line) for line in stream] == [1, 2, 3]

    def test_bad_content_is_told_at_its_end(self, object_server: Any, make_zip: MakeZip) -> None:
        archive = make_zip({"a": b"good"}, method=zipfile.ZIP_STORED)
        url = object_server.put(patched(archive, b"good", b"evil"))
        for _, stream in s3_iter_unzip(object_server.client, url):
            with pytest.raises(BadArchiveError):
                stream.read()

    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_who_reads_just_the_size_has_verified_bytes(
        self, object_server: Any, make_zip: MakeZip, method: int
    ) -> None:
        archive = make_zip({"a": b"good"}, method=method)
        crc = struct.pack("<L", zlib.crc32(b"good"))
        url = object_server.put(patched(archive, crc, b"evil"))
        for member, stream in s3_iter_unzip(object_server.client, url):
            with pytest.raises(BadArchiveError):
                stream.read(member.size)

    def test_who_reads_on_after_an_error_gets_it_again(
        self, object_server: Any, make_zip: MakeZip
    ) -> None:
        archive = make_zip({"a": b"good"}, method=zipfile.ZIP_STORED)
        url = object_server.put(patched(archive, b"good", b"evil"))
        for _, stream in s3_iter_unzip(object_server.client, url):
            for _ in range(3):
                with pytest.raises(BadArchiveError, match="s3://bucket/key: the content of 'a'"):
                    stream.read(1)

    def test_closing_early_gives_the_connection_up(
        self, object_server: Any, make_zip: MakeZip
    ) -> None:
        url = object_server.put(make_zip({"a": os.urandom(3 * MIB), "b": b""}))
        with closing(s3_iter_unzip(object_server.client, url)) as members:
            assert next(members)[0].name == "a"
        assert list(members) == []

    def test_a_wrong_argument_is_told_before_the_first_member(self, object_server: Any) -> None:
        with pytest.raises(ValueError, match="expected"):
            s3_iter_unzip(object_server.client)


class TestListing:
    def test_the_directory_is_listed_in_one_request(
        self, object_server: Any, make_zip: MakeZip
    ) -> None:
        url = object_server.put(make_zip({"a/": b"", **MEMBERS}))
        got = s3_unzip_list(object_server.client, url)
        assert [member.name for member in got] == ["a/", *MEMBERS]
        assert [member.size for member in got] == [0, *map(len, MEMBERS.values())]
        assert got[0].is_directory
        assert got[1].crc32 == zlib.crc32(MEMBERS["b/c/deep.txt"])
        assert len(object_server.ranges) == 1


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    contents=st.lists(st.binary(max_size=3000), max_size=8),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    prefix=st.binary(max_size=50),
)
def test_what_zipfile_wrote_comes_out_again(
    object_server: Any, contents: list[bytes], method: int, prefix: bytes
) -> None:
    members = {f"{i}/{i}": content for i, content in enumerate(contents)}
    url = object_server.put(prefix + zip_of(members, method))
    got = {m.name: stream.read() for m, stream in s3_iter_unzip(object_server.client, url)}
    assert got == members


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(at=st.integers(min_value=0), value=st.integers(0, 255))
def test_one_wrong_byte_is_refused_or_does_no_harm(object_server: Any, at: int, value: int) -> None:
    archive = bytearray(zip_of({"a.txt": b"content" * 30, "b/c.txt": b"other"}))
    archive[at % len(archive)] = value
    url = object_server.put(bytes(archive))
    try:
        got = [stream.read() for _, stream in s3_iter_unzip(object_server.client, url)]
    except UnzipError:
        return
    assert set(got) <= {b"content" * 30, b"other"}


def zip_of(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def quoted_overlap_bomb(count: int) -> bytes:
    """Return a bomb like David Fifield's: each member's data quotes the members after it.

    See https://www.bamsoftware.com/hacks/zipbomb/
    """
    body = zlib.compress(bytes(100_000), 9, wbits=-15)
    size, entries = 100_000, []
    for number in range(count):
        name = b"%04d" % number
        sizes = (0, len(body), size, len(name))
        header = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 8, 0, 0, *sizes, 0) + name
        quote = b"\0" + struct.pack("<HH", len(header), len(header) ^ 0xFFFF)
        entries.append((name, sizes, len(body)))
        body = header + (quote if number else b"") + body
        size += len(header)
    directory = b"".join(
        struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, *sizes, *[0] * 5, at) + name
        for name, sizes, at in ((n, s, len(body) - rest - 34) for n, s, rest in entries)
    )
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + end
