"""Test every distribution at the lowest versions it says it works with.

``python -m tools.floors dist/`` takes the siblings from a folder of wheels. Only the distribution's
own requirements are at their floors; what these require in turn is as new as they allow.
"""

import argparse
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from tools.environments import CleanEnvironment, clean_environment

ROOT: Final = Path(__file__).parents[1]
TEST_TOOLS: Final = ("httpx>=0.28", "hypothesis>=6.120", "pytest>=9", "pytest-randomly>=4")
"""At today's versions: they run the tests, and no user gets them from us."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dist", type=Path, help="a folder with one wheel of each distribution")
    parser.add_argument("name", nargs="*", help="distributions; all of them by default")
    arguments = parser.parse_args()
    names = arguments.name or [path.parent.name for path in projects()]
    failed = [name for name in names if not holds(name, arguments.dist)]
    print(f"{len(names) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def projects() -> list[Path]:
    """Return the project files of all distributions."""
    return sorted(ROOT.glob("packages/*/pyproject.toml"))


def holds(name: str, dist: Path) -> bool:
    """Run a distribution's tests at its floors."""
    started = time.perf_counter()
    project = ROOT / "packages" / name / "pyproject.toml"
    with clean_environment(dist) as environment:
        install_at_floors(environment, project)
        print(f"{name}: {floors_in_words(environment, project)}", flush=True)
        status = run_tests(environment, name)
    print(f"{name}: exit status {status} ({time.perf_counter() - started:.1f} s)", flush=True)
    return status == 0


def install_at_floors(environment: CleanEnvironment, project: Path) -> None:
    """Install the requirements of a project file at their lowest, then the distribution itself."""
    floors = ("--resolution", "lowest-direct", "--all-extras", "--requirement", str(project))
    environment.install(options=floors)
    environment.install(project.parent.name, *TEST_TOOLS)


def floors_in_words(environment: CleanEnvironment, project: Path) -> str:
    """Say which versions its requirements were installed at."""
    versions = environment.versions()
    names = sorted({canonical(each) for each in requirements(project)})
    return ", ".join(f"{name} {versions[name]}" for name in names)


def requirements(project: Path) -> list[str]:
    """Return the requirements of a project file, with those of its extras."""
    table = tomllib.loads(project.read_text())["project"]
    extras = table.get("optional-dependencies", {}).values()
    return [*table["dependencies"], *(each for extra in extras for each in extra)]


def canonical(requirement: str) -> str:
    """Return the name of what is required, as the package list spells it."""
    return re.sub(r"[-_.]+", "-", Requirement(requirement).name).lower()


def run_tests(environment: CleanEnvironment, name: str) -> int:
    """Run a distribution's tests with the repository's settings, less what is not installed here.

    Old versions may warn about a Python newer than they are: that is theirs to keep.
    """
    plugin = ("-p", "saigon.aws.testing") if name == "saigon-aws" else ()
    command: list[str | Path] = [
        *(environment.python, "-m", "pytest", "-q", "-m", "not slow", *plugin),
        *("-o", "addopts=--import-mode=importlib", "-o", "filterwarnings=default"),
        f"packages/{name}/tests",
    ]
    return subprocess.run(command, check=False, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
