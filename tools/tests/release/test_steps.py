import datetime as dt
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from packaging.version import Version

from tools.release.errors import RefusedError
from tools.release.git import export
from tools.release.steps import release

Git = Callable[..., str]
TODAY = dt.date(2024, 3, 1)
make = partial(release, date=TODAY, dry_run=False)


def write(repository: Path, git: Git, path: str, old: str, new: str) -> None:
    """Change a file and commit it."""
    file = repository / path
    file.write_text(file.read_text().replace(old, new))
    git("commit", "--quiet", "--all", "--message", "Change")


def test_release_commits_and_tags_the_version_and_the_changelog(repository: Path, git: Git) -> None:
    assert make(repository, "saigon-orm", Version("0.1.1")) == "saigon-orm-v0.1.1"
    assert git("status", "--porcelain") == ""
    assert git("describe", "--exact-match") == "saigon-orm-v0.1.1"
    assert git("log", "-1", "--format=%s") == "Release saigon-orm 0.1.1"
    assert git("show", "--name-only", "--format=").splitlines() == [
        "packages/saigon-orm/CHANGELOG.md",
        "packages/saigon-orm/src/saigon/orm/__init__.py",
    ]
    source = (repository / "packages/saigon-orm/src/saigon/orm/__init__.py").read_text()
    assert source == '"""Some."""\n\n__version__ = "0.1.1"\n'
    assert (
        "## 0.1.1 (2024-03-01)\n\n### Added\n\n- Rows"
        in (repository / "packages/saigon-orm/CHANGELOG.md").read_text()
    )


def test_dry_run_changes_nothing(repository: Path, git: Git) -> None:
    before = git("rev-parse", "HEAD")
    release(repository, "saigon-orm", Version("0.1.1"), date=TODAY, dry_run=True)
    assert git("rev-parse", "HEAD") == before
    assert git("status", "--porcelain") == ""
    assert git("tag") == ""


@pytest.mark.parametrize("kind", ["changed", "unknown"])
def test_dirty_tree_is_refused(repository: Path, kind: str) -> None:
    file = {"changed": "packages/saigon-aws/CHANGELOG.md", "unknown": "notes.txt"}[kind]
    (repository / file).write_text("words")
    with pytest.raises(RefusedError, match="not clean"):
        make(repository, "saigon-orm", Version("0.1.1"))


@pytest.mark.parametrize("version", ["0.0.9", "0.1.0", "0.1.0rc1"])
def test_version_that_is_not_greater_is_refused(repository: Path, version: str) -> None:
    with pytest.raises(RefusedError, match=r"not greater|released already"):
        make(repository, "saigon-orm", Version(version))


def test_version_in_the_source_is_released_once(repository: Path, git: Git) -> None:
    heading = "## 0.1.0 (2024-02-29)\n\n- The first release.\n"
    write(repository, git, "packages/saigon-orm/CHANGELOG.md", heading, "")
    make(repository, "saigon-orm", Version("0.1.0"))
    with pytest.raises(RefusedError, match="released already"):
        make(repository, "saigon-orm", Version("0.1.0"))


def test_empty_changelog_is_refused(repository: Path, git: Git) -> None:
    write(repository, git, "packages/saigon-orm/CHANGELOG.md", "- Rows come back as models.\n", "")
    with pytest.raises(RefusedError, match="Unreleased"):
        make(repository, "saigon-orm", Version("0.1.1"))


def test_broken_pins_are_named_with_who_has_them(repository: Path) -> None:
    with pytest.raises(RefusedError) as refusal:
        make(repository, "saigon-orm", Version("0.2.0"))
    assert "saigon-aws[sqs] requires saigon-orm~=0.1.0" in str(refusal.value)
    with pytest.raises(RefusedError) as refusal:
        make(repository, "saigon-model", Version("0.2.0"))
    assert "saigon-orm requires saigon-model~=0.1.0" in str(refusal.value)
    assert "saigon-aws requires saigon-model~=0.1.0" in str(refusal.value)


def test_breaking_version_is_released_once_the_pins_admit_it(repository: Path, git: Git) -> None:
    project = "packages/saigon-aws/pyproject.toml"
    write(repository, git, project, "saigon-orm~=0.1.0", "saigon-orm~=0.2.0")
    with pytest.raises(RefusedError, match=r"saigon-orm is 0\.1\.0"):
        make(repository, "saigon-aws", Version("0.2.0"))
    assert make(repository, "saigon-orm", Version("0.2.0")) == "saigon-orm-v0.2.0"
    assert make(repository, "saigon-aws", Version("0.2.0")) == "saigon-aws-v0.2.0"


def test_unknown_package_is_refused_with_those_there_are(repository: Path) -> None:
    with pytest.raises(RefusedError, match="saigon-aws, saigon-model, saigon-orm"):
        make(repository, "saigon-or", Version("0.2.0"))


def test_build_sees_the_tag_and_not_the_work_tree(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tag = make(repository, "saigon-orm", Version("0.1.1"))
    leaf = "packages/saigon-orm/src/saigon/orm"
    (repository / leaf / "forgotten.py").write_text("")
    (repository / leaf / "__init__.py").write_text("")
    folder = tmp_path_factory.mktemp("export")
    exported = export(repository, tag, "packages/saigon-orm", folder)
    assert exported == folder / "packages/saigon-orm"
    assert [path.name for path in (folder / leaf).iterdir()] == ["__init__.py"]
    assert "0.1.1" in (folder / leaf / "__init__.py").read_text()
