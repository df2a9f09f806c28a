"""Release a package, step by step."""

import datetime as dt
import tempfile
from pathlib import Path

from packaging.version import Version

from tools.release import git
from tools.release.changelog import released
from tools.release.checks import check_all
from tools.release.package import Package, package_of
from tools.uv import uv

__all__ = ["build_from_tag", "release"]


def release(root: Path, name: str, version: Version, *, date: dt.date, dry_run: bool) -> str:
    """Check everything, write version and changelog, commit and tag; return the tag.

    Raises:
        RefusedError: A check does not hold; nothing has been changed.
    """
    package = package_of(root, name)
    check_all(root, package, version)
    tag = git.tag_name(name, version)
    if not dry_run:
        _write(package, version, date)
        message = f"Release {name} {version}"
        git.commit(root, message, package.version_file, package.changelog_file)
        git.tag(root, tag, message)
    return tag


def build_from_tag(root: Path, name: str, tag: str, out: Path) -> None:
    """Build the source distribution and the wheel of what is tagged, and of nothing else.

    Raises:
        UvError: The build failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = git.export(root, tag, f"packages/{name}", Path(folder))
        uv("build", "--quiet", "--out-dir", out, source)


def _write(package: Package, version: Version, date: dt.date) -> None:
    package.set_version(version)
    changelog = package.changelog_file.read_text()
    package.changelog_file.write_text(released(changelog, version, date))
