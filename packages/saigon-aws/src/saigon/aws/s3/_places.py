"""Where results are put: beside their place first, then into it in one step."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = [
    "beside",
    "check_directory_target",
    "new_temporary_directory",
    "put_directory",
    "remove",
    "removed_on_error",
]


def beside(target: Path) -> Path:
    """Return an unused path in the same directory, so that a rename to the target is atomic."""
    return target.parent / f".saigon-{secrets.token_hex(8)}"


def new_temporary_directory() -> Path:
    """Make a directory that only this user may enter."""
    return Path(tempfile.mkdtemp(prefix="saigon-"))


@contextmanager
def removed_on_error(path: Path) -> Iterator[Path]:
    """Remove a file or a whole directory when the block ends by any exception."""
    try:
        yield path
    except BaseException:
        remove(path)
        raise


def remove(path: Path) -> None:
    """Remove a file or a whole directory, whether it is there or not."""
    with suppress(FileNotFoundError, NotADirectoryError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)  # noqa: PTH108  # Path.unlink is the same call, this one is symmetrical


def check_directory_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a place that is taken.

    Raises:
        FileExistsError: A file is there, or a directory with content that may not be replaced.
        FileNotFoundError: The directory that it would stand in is not there.
    """
    if target.exists() and not target.is_dir():
        raise FileExistsError(f"{target} is not a directory")
    if not overwrite and target.is_dir() and any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty; pass overwrite=True to replace it")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"expected a directory at {target.parent}")


def put_directory(unfinished: Path, target: Path, *, overwrite: bool) -> None:
    """Rename a finished directory to its place; what was there comes back if that fails."""
    if unfinished == target:
        return
    check_directory_target(target, overwrite=overwrite)
    if not target.exists():
        unfinished.rename(target)
        return
    previous = target.rename(beside(target))
    try:
        unfinished.rename(target)
    except BaseException:
        previous.rename(target)
        raise
    with removed_on_error(previous):  # a removal that is interrupted is begun again
        remove(previous)
