"""Where results are put: beside their place first, then into it in one step."""

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from saigon.aws.s3._names import WINDOWS

__all__ = [
    "beside",
    "check_directory_target",
    "new_temporary_directory",
    "put_directory",
    "put_file",
    "remove",
    "removed_on_error",
]


def beside(target: Path) -> Path:
    """Return an unused path in the same directory, so that a rename to the target is atomic."""
    return target.parent / f".saigon-{secrets.token_hex(8)}"


@contextmanager
def removed_on_error(path: Path) -> Iterator[Path]:
    """Remove a file or a whole directory when the block ends by any exception."""
    try:
        yield path
    except BaseException:
        remove(path)
        raise


@contextmanager
def new_temporary_directory() -> Iterator[Path]:
    """Make a directory that only this user may enter; it goes if the block ends by an exception."""
    # The name is known before the directory is there: an interrupt finds one or the other.
    path = Path(tempfile.gettempdir()) / f"saigon-{secrets.token_hex(8)}"
    with removed_on_error(path):
        path.mkdir(mode=0o700)
        yield path


def remove(path: Path) -> None:
    """Remove a file or a whole directory, whether it is there or not."""
    try:
        _remove(path)
    except BaseException:  # an interrupted removal is begun again
        _remove(path)
        raise


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError, NotADirectoryError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)  # noqa: PTH108  # Path.unlink is the same call, this one is symmetrical


def put_file(unfinished: Path, target: Path, *, overwrite: bool) -> None:
    """Give a finished file its name.

    Raises:
        FileExistsError: The name was taken meanwhile, and may not be replaced.
    """
    if overwrite:
        unfinished.replace(target)
        return
    try:
        target.hardlink_to(unfinished)  # fails where the name is taken, which a rename does not
    except FileExistsError:
        raise FileExistsError(f"{target} exists; pass overwrite=True to replace it") from None
    except OSError:  # a file system without hard links
        unfinished.replace(target)
        return
    unfinished.unlink()


def check_directory_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a place that is taken, or that no other directory can take.

    Raises:
        FileExistsError: A file is there, or a directory with content that may not be replaced, or
            the root of a file system.
        FileNotFoundError: The directory that it would stand in is not there.
    """
    if target.exists() and not target.is_dir():
        raise FileExistsError(f"{target} is not a directory")
    if target.is_mount():
        raise FileExistsError(f"{target} is a mount point; expected a directory inside of it")
    if not overwrite and target.is_dir() and any(target.iterdir()):
        raise _not_empty(target)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"expected a directory at {target.parent}")


def put_directory(unfinished: Path, target: Path, *, overwrite: bool) -> None:
    """Rename a finished directory to its place; what was there comes back if that fails.

    Raises:
        FileExistsError: The place was taken meanwhile, and may not be replaced.
    """
    if unfinished == target:
        return
    if overwrite and target.exists():
        _replace_directory(unfinished, target)
        return
    try:
        if WINDOWS:
            with suppress(FileNotFoundError):
                target.rmdir()  # fails where there is content
        unfinished.rename(target)  # elsewhere takes the place of an empty directory in one step
    except OSError as error:
        if error.errno in {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}:
            raise _not_empty(target) from None
        raise


def _replace_directory(unfinished: Path, target: Path) -> None:
    previous = beside(target)
    try:
        target.rename(previous)
        unfinished.rename(target)
    except BaseException:
        if not unfinished.exists():  # both renames were done
            remove(previous)
        elif previous.exists():
            previous.rename(target)
        raise
    remove(previous)


def _not_empty(target: Path) -> FileExistsError:
    return FileExistsError(f"{target} is not empty; pass overwrite=True to replace it")
