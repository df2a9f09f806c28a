"""Files that hold secrets, and are their owner's alone."""

import json
import os
import stat
from pathlib import Path
from typing import Any, Final

_OWNER: Final = stat.S_IRUSR | stat.S_IWUSR


def write_new(path: Path, document: Any) -> None:
    """Write a JSON document into a new file that nobody else may read.

    Raises:
        FileExistsError: Something is there already; it is left as it is.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
        file.write("\n")


def is_open_to_others(path: Path) -> bool:
    """Tell whether others than its owner may read or write a file, where that is known."""
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
