"""Where results are put: beside their place first, then into it in one step."""

import errno
import logging
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
    "make_like",
    "new_temporary_directory",
    "put_directory",
    "put_file",
    "remove",
    "removed_on_error",
]

_logger = logging.getLogger(__name__)

_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}


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
    except OSError:  # a file system without hard links: an empty file takes the name first
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        with removed_on_error(target):
            unfinished.replace(target)
        return
    unfinished.unlink()


def check_directory_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a place that is taken, or that no other directory can take.

    Args:
        target: The place, resolved.
        overwrite: Whether a directory with content may be replaced.

    Raises:
        FileExistsError: A file is there, or a directory with content that may not be replaced, or
            the root of a file system, or a directory that this process works in.
        FileNotFoundError: The directory that it would stand in is not there.
    """
    try:  # one look, as another process may exchange the directory at this moment
        has_content = any(target.iterdir())
    except NotADirectoryError:
        raise FileExistsError(f"{target} is not a directory") from None
    except FileNotFoundError:
        if not target.parent.is_dir():
            raise FileNotFoundError(f"expected a directory at {target.parent}") from None
        return
    if os.path.ismount(target):  # Path.is_mount has an error of its own then
        raise FileExistsError(f"{target} is a mount point; expected a directory inside of it")
    if _is_worked_in(target):
        raise FileExistsError(f"{target} is the working directory or above it; expected another")
    if has_content and not overwrite:
        raise _not_empty(target)


def _is_worked_in(directory: Path) -> bool:
    try:
        return Path.cwd().is_relative_to(directory)
    except FileNotFoundError:  # it was removed before
        return False


def make_like(directory: Path, target: Path) -> None:
    """Make a directory with the permissions of the one whose place it is to take."""
    directory.mkdir()
    with suppress(FileNotFoundError):
        shutil.copymode(target, directory)


def put_directory(unfinished: Path, target: Path, *, overwrite: bool) -> None:
    """Rename a finished directory to its place; what was there comes back if that fails.

    Raises:
        FileExistsError: The place was taken meanwhile, and may not be replaced.
    """
    if unfinished == target:
        return
    while not _is_renamed(unfinished, target):
        if not overwrite:
            raise _not_empty(target)
        if _is_exchanged(unfinished, target):
            return
        # Somebody else did the same at the same time: whoever comes last stays.


def _is_renamed(unfinished: Path, target: Path) -> bool:
    """Rename, also to the place of an empty directory; tell whether it was free."""
    try:
        if WINDOWS:  # elsewhere it is one step
            with suppress(FileNotFoundError):
                target.rmdir()
        unfinished.rename(target)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        return False
    return True


def _is_exchanged(unfinished: Path, target: Path) -> bool:
    """Put a directory in the place of another, which is removed; tell whether that was done."""
    previous = beside(target)
    try:
        target.rename(previous)
        done = _is_renamed(unfinished, target)
    except FileNotFoundError:
        return False
    except BaseException:
        if not unfinished.exists():  # both renames were done
            remove(previous)
        elif previous.exists() and not target.exists():
            previous.rename(target)
        raise
    remove(previous)
    if previous.exists():
        _logger.warning("What was at %s is in part still at %s", target, previous)
    return done


def _not_empty(target: Path) -> FileExistsError:
    return FileExistsError(f"{target} is not empty; pass overwrite=True to replace it")
