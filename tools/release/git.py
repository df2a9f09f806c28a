"""The few things that a release asks of git."""

import io
import subprocess
import tarfile
from pathlib import Path

from packaging.version import Version

__all__ = ["commit", "export", "has_tag", "is_clean", "tag", "tag_name"]


def tag_name(package: str, version: Version) -> str:
    """Return a release's tag, as ``saigon-orm-v0.2.0``."""
    return f"{package}-v{version}"


def is_clean(root: Path) -> bool:
    """Tell whether the work tree is as it was committed, with no file that git does not know."""
    return not _git(root, "status", "--porcelain")


def has_tag(root: Path, name: str) -> bool:
    """Tell whether there is such a tag."""
    return bool(_git(root, "tag", "--list", name))


def commit(root: Path, message: str, *paths: Path) -> None:
    """Commit these files alone."""
    _git(root, "commit", "--quiet", "--message", message, "--", *map(str, paths))


def tag(root: Path, name: str, message: str) -> None:
    """Put an annotated tag on the last commit."""
    _git(root, "tag", "--annotate", "--message", message, name)


def export(root: Path, revision: str, path: str, folder: Path) -> Path:
    """Write a folder, as it is in a revision, into another folder; return where it is."""
    archive = _git(root, "archive", "--format=tar", revision, path)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder / path


def _git(root: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], check=True, cwd=root, stdout=subprocess.PIPE).stdout
