"""Read and change a package's changelog."""

import datetime as dt
import re
from typing import Final

from packaging.version import Version

from tools.release.errors import RefusedError

__all__ = ["is_released", "released", "unreleased"]

_UNRELEASED: Final = "## Unreleased"
_SECTION: Final = re.compile(rf"^{_UNRELEASED}\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def unreleased(changelog: str) -> str:
    """Return what stands under the Unreleased heading.

    Raises:
        RefusedError: There is no such heading, or nothing but headings under it.
    """
    found = _SECTION.search(changelog)
    if found is None:
        raise RefusedError(f"expected a heading '{_UNRELEASED}' in the changelog")
    lines = [line for line in found[1].splitlines() if line.strip()]
    if all(line.startswith("#") for line in lines):
        raise RefusedError(f"nothing stands under '{_UNRELEASED}': what would users get?")
    return found[1].strip()


def released(changelog: str, version: Version, date: dt.date) -> str:
    """Return the changelog with the unreleased entries under the version's heading."""
    entries = unreleased(changelog)
    section = f"{_UNRELEASED}\n\n## {version} ({date.isoformat()})\n\n{entries}\n\n"
    return _SECTION.sub(lambda _: section, changelog, count=1).rstrip() + "\n"


def is_released(changelog: str, version: Version) -> bool:
    """Tell whether the version has a heading already."""
    return re.search(rf"^## {re.escape(str(version))}( |$)", changelog, re.MULTILINE) is not None
