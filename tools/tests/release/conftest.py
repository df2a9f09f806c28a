import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Git = Callable[..., str]

MODEL = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "saigon-model"
dynamic = ["version"]
dependencies = ["pydantic>=2"]

[tool.hatch.version]
path = "src/saigon/model/__init__.py"
"""
ORM = MODEL.replace("model", "orm").replace("pydantic>=2", "saigon-model~=0.1.0")
AWS = MODEL.replace("model", "aws").replace("pydantic>=2", "saigon-model~=0.1.0") + (
    '\n[project.optional-dependencies]\nsqs = ["saigon-orm~=0.1.0"]\n'
)
CHANGELOG = """\
# Changelog

## Unreleased

### Added

- Rows come back as models.

## 0.1.0 (2024-02-29)

- The first release.
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Give a repository of three packages, all released at 0.1.0, with something unreleased."""
    for leaf, project in (("model", MODEL), ("orm", ORM), ("aws", AWS)):
        source = tmp_path / f"packages/saigon-{leaf}/src/saigon/{leaf}"
        source.mkdir(parents=True)
        (source / "__init__.py").write_text('"""Some."""\n\n__version__ = "0.1.0"\n')
        (source.parents[2] / "pyproject.toml").write_text(project)
        (source.parents[2] / "CHANGELOG.md").write_text(CHANGELOG)
    for command in (
        ["init", "--quiet"],
        ["config", "user.name", "A maintainer"],
        ["config", "user.email", "maintainer@example.com"],
        ["config", "commit.gpgsign", "false"],
        ["config", "tag.gpgsign", "false"],
        ["add", "."],
        ["commit", "--quiet", "--message", "Begin"],
    ):
        subprocess.run(["git", *command], check=True, cwd=tmp_path)
    return tmp_path


@pytest.fixture
def git(repository: Path) -> Git:
    """Return a function that runs git in the repository."""

    def run(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], capture_output=True, check=True, cwd=repository, text=True
        ).stdout.strip()

    return run
