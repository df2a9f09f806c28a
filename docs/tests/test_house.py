"""The layout that the design fixes."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(path for path in (ROOT / "packages").iterdir() if path.is_dir())


def test_there_are_five_packages() -> None:
    names = [path.name for path in PACKAGES]
    assert names == ["saigon-aws", "saigon-fastapi", "saigon-model", "saigon-orm", "saigon-rest"]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_has_its_parts(package: Path) -> None:
    leaf = package / "src" / "saigon" / package.name.removeprefix("saigon-")
    for part in ("pyproject.toml", "README.md", "CHANGELOG.md"):
        assert (package / part).is_file()
    assert any((package / "tests").rglob("test_*.py"))
    assert (leaf / "py.typed").is_file()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_project_file_holds_no_settings_of_tools(package: Path) -> None:
    project = tomllib.loads((package / "pyproject.toml").read_text())
    assert list(project["tool"]) == ["hatch"]
    assert project["project"]["requires-python"] == ">=3.11"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_no_package_owns_the_namespace(package: Path) -> None:
    owned = [path.name for path in (package / "src" / "saigon").iterdir()]
    assert [name for name in owned if name != "__pycache__"] == [
        package.name.removeprefix("saigon-")
    ]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_each_package_carries_the_licence(package: Path) -> None:
    assert (package / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
