"""A package's folder in the repository."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.version import Version

from tools.release.errors import RefusedError

__all__ = ["Package", "package_of", "packages_of"]

_VERSION: Final = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Package:
    """One folder of ``packages/``."""

    folder: Path

    @property
    def name(self) -> str:
        """The distribution's name."""
        return self.folder.name

    @property
    def changelog_file(self) -> Path:
        """The file that tells users what changed."""
        return self.folder / "CHANGELOG.md"

    @property
    def version_file(self) -> Path:
        """The one file that states the version."""
        return self.folder / "src" / self.name.replace("-", "/", 1) / "__init__.py"

    @property
    def version(self) -> Version:
        """The version in the source."""
        found = _VERSION.findall(self.version_file.read_text())
        if len(found) != 1:
            raise RefusedError(f"expected one line __version__ = ... in {self.version_file}")
        return Version(found[0])

    def pins(self) -> Iterator[tuple[str, Requirement]]:
        """Give what it requires, each with the name of who requires it: itself or an extra."""
        project = tomllib.loads((self.folder / "pyproject.toml").read_text())["project"]
        yield from ((self.name, Requirement(each)) for each in project["dependencies"])
        for extra, requirements in project.get("optional-dependencies", {}).items():
            yield from ((f"{self.name}[{extra}]", Requirement(each)) for each in requirements)

    def set_version(self, version: Version) -> None:
        """Write the version into the source."""
        text = self.version_file.read_text()
        self.version_file.write_text(_VERSION.sub(f'__version__ = "{version}"', text))


def packages_of(root: Path) -> list[Package]:
    """Return all packages of a repository."""
    return [Package(path.parent) for path in sorted(root.glob("packages/*/pyproject.toml"))]


def package_of(root: Path, name: str) -> Package:
    """Return one package of a repository.

    Raises:
        RefusedError: There is no package of that name.
    """
    packages = {package.name: package for package in packages_of(root)}
    if name not in packages:
        raise RefusedError(f"no package {name}; there are {', '.join(packages)}")
    return packages[name]
