"""Check the types in all tests: ``python -m tools.typed_tests``.

To mypy a module in a folder without ``__init__.py`` is known by its file's name alone, and test
folders hold files of the same name. So it is run several times, on files of different names.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FOLDERS: Final = ("packages/*/tests", "tests-integration", "docs/tests")


def main() -> int:
    files = (path for folder in FOLDERS for top in ROOT.glob(folder) for path in top.rglob("*.py"))
    statuses = [
        subprocess.run([sys.executable, "-m", "mypy", *group], check=False, cwd=ROOT).returncode
        for group in groups_of_different_names(sorted(files))
    ]
    return max(statuses)


def groups_of_different_names(paths: Iterable[Path]) -> list[list[Path]]:
    """Return as few groups as there are files of the commonest name."""
    groups: list[dict[str, Path]] = []
    for path in paths:
        group = next((group for group in groups if path.name not in group), None)
        if group is None:
            groups.append(group := {})
        group[path.name] = path
    return [list(group.values()) for group in groups]


if __name__ == "__main__":
    sys.exit(main())
