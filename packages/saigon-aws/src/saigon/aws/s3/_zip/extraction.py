"""The members of an archive as files.

Paths are texts here, and files descriptors: of many small files, making objects of them would take
a good part of the time.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from saigon.aws.s3._names import WINDOWS
from saigon.aws.s3._progress import Progress, ProgressMeter
from saigon.aws.s3._zip.archive import Archive, located, unpacked_members
from saigon.aws.s3._zip.checks import segments
from saigon.aws.s3._zip.records import Entry

__all__ = ["extract", "paths_of"]

_NEW_FILE: Final = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
_MODE: Final = 0o666  # less what the process masks, as for any new file


def extract(
    archive: Archive, entries: Sequence[Entry], root: Path, progress: Progress | None
) -> list[Entry]:
    """Write entries, in the order of their bytes, into a directory that is there and empty.

    Returns:
        Those that are files.
    """
    meter = ProgressMeter(progress, sum(entry.size for entry in entries))
    files = [entry for entry in entries if not entry.is_directory]
    for folder in _folders(entries):
        os.makedirs(f"{root}/{folder}", exist_ok=True)  # noqa: PTH103  # see above
    with located(archive.descriptor), closing(unpacked_members(archive, files)) as unpacked:
        for entry, pieces in unpacked:
            _write(f"{root}/{entry.name}", pieces, meter)
    meter.finish()
    return files


def paths_of(files: Iterable[Entry], root: Path) -> list[Path]:
    """Return where extracted files are below a directory, sorted as paths are."""
    if WINDOWS:
        return sorted(root / file.name for file in files)
    return [Path(f"{root}/{file.name}") for file in sorted(files, key=segments)]


def _folders(entries: Iterable[Entry]) -> set[str]:
    """Return the directories of entries: those that they are, and those that they are in."""
    return {entry.name.rpartition("/")[0] for entry in entries} - {""}


def _write(path: str, pieces: Iterator[bytes | memoryview], meter: ProgressMeter) -> None:
    file = os.open(path, _NEW_FILE, _MODE)
    try:
        for piece in pieces:
            written = os.write(file, piece)
            while written < len(piece):
                written += os.write(file, memoryview(piece)[written:])
            meter.add(written)
    finally:
        os.close(file)
