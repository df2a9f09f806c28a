"""What must hold before a release; each check raises RefusedError where it does not."""

from collections.abc import Iterator
from pathlib import Path

from packaging.version import Version

from tools.release import git
from tools.release.changelog import is_released, unreleased
from tools.release.errors import RefusedError
from tools.release.package import Package, packages_of

__all__ = ["check_all"]


def check_all(root: Path, package: Package, version: Version) -> None:
    """Check a release before anything is written.

    Raises:
        RefusedError: It cannot be made.
    """
    _tree_is_clean(root)
    _version_is_new(root, package, version)
    unreleased(package.changelog_file.read_text())
    _pins_of_siblings_hold(root, package, version)
    _own_pins_hold(root, package)


def _tree_is_clean(root: Path) -> None:
    if not git.is_clean(root):
        raise RefusedError("the work tree is not clean: commit or remove what git status shows")


def _version_is_new(root: Path, package: Package, version: Version) -> None:
    """The version in the source itself may be released, once."""
    if version < package.version:
        raise RefusedError(f"{version} is not greater than {package.name} {package.version}")
    tagged = git.has_tag(root, git.tag_name(package.name, version))
    if tagged or is_released(package.changelog_file.read_text(), version):
        raise RefusedError(f"{package.name} {version} is released already")


def _pins_of_siblings_hold(root: Path, package: Package, version: Version) -> None:
    broken = [
        f"{dependent} requires {pin}"
        for sibling in packages_of(root)
        for dependent, pin in sibling.pins()
        if pin.name == package.name and not pin.specifier.contains(version, prereleases=True)
    ]
    _refuse_pins(f"{package.name} {version} is outside the pins of its siblings", broken)


def _own_pins_hold(root: Path, package: Package) -> None:
    _refuse_pins(f"{package.name} requires siblings that are not there", _unmet(root, package))


def _unmet(root: Path, package: Package) -> Iterator[str]:
    versions = {sibling.name: sibling.version for sibling in packages_of(root)}
    for dependent, pin in package.pins():
        there = versions.get(pin.name)
        if there is not None and not pin.specifier.contains(there, prereleases=True):
            yield f"{dependent} requires {pin}, and {pin.name} is {there}"


def _refuse_pins(message: str, pins: "list[str] | Iterator[str]") -> None:
    if listed := "; ".join(pins):
        raise RefusedError(f"{message}: {listed}. Change the pins first, with a changelog line")
