import csv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.version import Version

from tools.wheels.contents import content_problems
from tools.wheels.versions import next_breaking, next_patch, with_version
from tools.wheels.wheel import Wheel

MakeWheel = Callable[[dict[str, str | None]], Wheel]


@pytest.mark.parametrize(
    ("version", "patch", "breaking"),
    [("0.1.0", "0.1.1", "0.2.0"), ("0.9.3", "0.9.4", "0.10.0"), ("1.4.2", "1.4.3", "2.0.0")],
)
def test_next_versions(version: str, patch: str, breaking: str) -> None:
    assert next_patch(Version(version)) == Version(patch)
    assert next_breaking(Version(version)) == Version(breaking)


def test_rewritten_wheel_is_sound_under_its_new_version(
    make_wheel: MakeWheel, tmp_path: Path
) -> None:
    folder = tmp_path / "changed"
    folder.mkdir()
    made = with_version(make_wheel({}), Version("0.2.0"), folder)
    assert made.path.name == "saigon_orm-0.2.0-py3-none-any.whl"
    assert made.version == Version("0.2.0")
    assert content_problems(made) == []


def test_rewritten_wheel_records_every_file(make_wheel: MakeWheel, tmp_path: Path) -> None:
    folder = tmp_path / "changed"
    folder.mkdir()
    made = with_version(make_wheel({}), Version("0.2.0"), folder)
    with zipfile.ZipFile(made.path) as archive:
        record = archive.read(f"{made.metadata_folder}/RECORD").decode()
    rows = list(csv.reader(record.splitlines()))
    assert [row[0] for row in rows] == list(made.files)
    assert all(row[1].startswith("sha256=") for row in rows[:-1])
    assert rows[-1][1:] == ["", ""]
