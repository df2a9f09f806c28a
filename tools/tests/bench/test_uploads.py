import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from tools.bench.answer_server import AnswerServer, start_answer_server
from tools.bench.uploads import Uploading, UploadWay, upload_peaks, uploader

MEBIBYTE = 2**20


@pytest.fixture(scope="module")
def server() -> Iterator[AnswerServer]:
    with start_answer_server() as server:
        yield server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(bytes(10_000))
    return path


@pytest.mark.parametrize("way", get_args(UploadWay))
def test_file_arrives_whole_in_each_way(way: UploadWay, server: AnswerServer, file: Path) -> None:
    form = "form" in way or way == "files="
    fields = {"key": "file.bin"} if form else {}
    with uploader(Uploading(way, f"{server.url}/uploads", fields)) as upload:
        received = int(str(upload(file)).strip('"'))
    assert (received == 10_000) is not form
    assert 10_000 <= received < 11_000


def test_peak_of_a_file_read_at_once_grows_with_its_size(
    server: AnswerServer, tmp_path: Path
) -> None:
    files = []
    for size in (1_024, 64 * MEBIBYTE):
        files.append(tmp_path / f"{size}.bin")
        files[-1].write_bytes(bytes(size))
    small, large = upload_peaks(
        Uploading("data=file.read()", server.url, files=tuple(map(str, files)))
    )
    assert 50 * MEBIBYTE < large - small < 200 * MEBIBYTE


@pytest.mark.parametrize("way", ["data=file", "files="])
def test_upload_that_is_refused_is_not_measured(
    way: UploadWay, server: AnswerServer, file: Path
) -> None:
    unsigned = Uploading(way, f"{server.url}/signed/file.bin", files=(str(file),))
    with pytest.raises(subprocess.CalledProcessError):
        upload_peaks(unsigned)
