"""Run uv, which hatch brings along."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["UvError", "UvMissingError", "find_uv", "uv"]


class UvError(Exception):
    """uv ended with an error; the message is what it wrote."""


class UvMissingError(Exception):
    """There is no uv here."""


def find_uv() -> list[str]:
    """Return the beginning of a command: hatch's own uv, that on PATH, or the installed module.

    Raises:
        UvMissingError: There is none.
    """
    if program := os.environ.get("HATCH_UV") or shutil.which("uv"):
        return [program]
    if importlib.util.find_spec("uv"):
        return [sys.executable, "-m", "uv"]
    raise UvMissingError("expected uv: run under hatch, or install uv")


def uv(*arguments: str | Path, cwd: Path | None = None) -> str:
    """Run uv, without any configuration file, and return its standard output.

    Raises:
        UvError: It ended with an error.
        UvMissingError: There is no uv.
    """
    command = [*find_uv(), "--no-config", "--no-progress", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, cwd=cwd, text=True)
    if done.returncode:
        raise UvError(done.stderr.strip())
    return done.stdout
