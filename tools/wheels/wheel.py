"""What a wheel says about itself."""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from functools import cached_property
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

__all__ = ["Wheel", "is_ours", "is_private", "named", "wheels_in"]


@dataclass(frozen=True)
class Wheel:
    """A wheel file of one of our distributions."""

    path: Path

    @property
    def name(self) -> str:
        """The distribution's name, as ``saigon-orm``."""
        return parse_wheel_filename(self.path.name)[0]

    @property
    def version(self) -> Version:
        """The version in the file's name."""
        return parse_wheel_filename(self.path.name)[1]

    @property
    def leaf(self) -> str:
        """The distribution's folder in the namespace, as ``saigon/orm``."""
        return self.name.replace("-", "/", 1)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The paths in it."""
        with zipfile.ZipFile(self.path) as archive:
            return tuple(archive.namelist())

    @property
    def metadata_folder(self) -> str:
        """The path of its dist-info folder."""
        return f"{self.name.replace('-', '_')}-{self.version}.dist-info"

    @cached_property
    def metadata(self) -> Message:
        """Its core metadata."""
        return message_from_bytes(self.read(f"{self.metadata_folder}/METADATA"))

    @property
    def requirements(self) -> list[Requirement]:
        """What it requires, the extras' requirements included."""
        return [Requirement(line) for line in self.metadata.get_all("Requires-Dist", [])]

    @property
    def siblings(self) -> list[Requirement]:
        """Those of its requirements that are our own distributions."""
        return [each for each in self.requirements if is_ours(each.name)]

    @property
    def extras(self) -> list[str]:
        """The names of its extras."""
        return self.metadata.get_all("Provides-Extra", [])

    @property
    def modules(self) -> list[str]:
        """The dotted names of all modules in it."""
        return sorted(_module(path) for path in self.files if path.endswith(".py"))

    def read(self, path: str) -> bytes:
        """Return one file of it."""
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(path)


def wheels_in(folder: Path) -> list[Wheel]:
    """Return the wheels of a folder, by name."""
    return [Wheel(path) for path in sorted(folder.glob("*.whl"))]


def is_ours(name: str) -> bool:
    """Tell whether a distribution is one of ours by its name."""
    return canonicalize_name(name).startswith("saigon-")


def is_private(module: str) -> bool:
    """Tell whether a module is for our own use: a name with an underscore is in its path."""
    return any(name.startswith("_") for name in module.split("."))


def named(wheels: Iterable[Wheel], name: str) -> Wheel:
    """Return the wheel of a distribution."""
    return next(wheel for wheel in wheels if wheel.name == name)


def _module(path: str) -> str:
    parts = PurePosixPath(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
