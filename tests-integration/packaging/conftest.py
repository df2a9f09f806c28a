"""The wheels of the source tree, built once."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

from tools.uv import UvError, UvMissingError, uv

PACKAGES = Path(__file__).parents[2] / "packages"


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hold what needs the package registry to machines that reach it."""
    wanted = tmp_path_factory.mktemp("registry") / "wanted.txt"
    wanted.write_text("hatchling\n")
    try:
        uv("pip", "compile", "--refresh", wanted)
    except (UvError, UvMissingError) as error:
        _skip_or_fail(f"no packages can be installed here: {str(error).splitlines()[-1]}")


@pytest.fixture(scope="session")
def built_wheels(registry: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the wheels of all packages as they are in the source tree."""
    folder = tmp_path_factory.mktemp("dist")
    for project in sorted(PACKAGES.glob("*/pyproject.toml")):
        uv("build", "--quiet", "--wheel", "--out-dir", folder, project.parent)
    return folder


def _skip_or_fail(reason: str) -> NoReturn:
    if os.environ.get("SAIGON_REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
