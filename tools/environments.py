"""Clean virtual environments in temporary folders, filled from a folder of our wheels."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.utils import parse_wheel_filename

from tools.uv import uv

__all__ = ["CleanEnvironment", "clean_environment"]

_IMPORT_ALL: Final = """\
import importlib, json, sys

errors = {}
for module in sys.argv[1:]:
    try:
        importlib.import_module(module)
    except Exception as error:
        errors[module] = f"{type(error).__name__}: {error}"
print(json.dumps(errors))
"""


@dataclass(frozen=True, slots=True)
class CleanEnvironment:
    """A virtual environment with nothing in it but what is installed through here."""

    folder: Path
    wheels: Path
    """The folder of wheels that our distributions come from; all others come from the index."""

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "bin" / "python"

    def install(self, *requirements: str, options: tuple[str, ...] = ()) -> None:
        """Install requirements.

        Raises:
            UvError: They cannot be had together.
        """
        pins = self.folder / "wheels.txt"
        pins.write_text("".join(f"{pin}\n" for pin in _pins(self.wheels)))
        uv(*("pip", "install", "-p", self.python, "-c", pins), *options, *requirements)

    def uninstall(self, distribution: str) -> None:
        """Remove one distribution and nothing else."""
        uv("pip", "uninstall", "-p", self.python, distribution)

    def versions(self) -> Mapping[str, str]:
        """Return the version of each distribution there."""
        listed = json.loads(uv("pip", "list", "-p", self.python, "--format", "json"))
        return {entry["name"]: entry["version"] for entry in listed}

    def run(
        self, *arguments: str | Path, cwd: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run the interpreter, away from the user's settings and the current folder's modules."""
        return subprocess.run(
            [self.python, "-I", *arguments],
            capture_output=True,
            check=False,
            cwd=cwd or self.folder,
            text=True,
        )

    def error_of(self, code: str) -> str | None:
        """Run code in a fresh process; return the last line of its error, None if none."""
        done = self.run("-c", code)
        if done.returncode == 0:
            return None
        return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]

    def import_errors(self, modules: Sequence[str]) -> dict[str, str]:
        """Import modules, all in one process; return the errors of those that fail."""
        done = self.run("-c", _IMPORT_ALL, *modules)
        if done.returncode:
            raise RuntimeError(done.stderr)
        errors: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        return errors


@contextmanager
def clean_environment(wheels: Path, *, python: str = sys.executable) -> Iterator[CleanEnvironment]:
    """Make an environment, and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="saigon-env-") as folder:
        uv("venv", "--quiet", "--python", python, Path(folder) / "env")
        yield CleanEnvironment(Path(folder) / "env", wheels.resolve())


def _pins(wheels: Path) -> Iterator[str]:
    """Tie our names to our files: whatever an index may offer under them is never taken."""
    for path in sorted(wheels.glob("*.whl")):
        yield f"{parse_wheel_filename(path.name)[0]} @ {path.as_uri()}"
