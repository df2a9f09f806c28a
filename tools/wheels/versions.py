"""Make a wheel of another version out of a wheel."""

import base64
import hashlib
import zipfile
from pathlib import Path

from packaging.version import Version

from tools.wheels.wheel import Wheel

__all__ = ["next_breaking", "next_patch", "with_version"]


def next_patch(version: Version) -> Version:
    """Return the next version that changes nothing for users: 0.1.0 to 0.1.1."""
    return Version(f"{version.major}.{version.minor}.{version.micro + 1}")


def next_breaking(version: Version) -> Version:
    """Return the next version that may break users: 0.1.0 to 0.2.0, 1.4.2 to 2.0.0."""
    if version.major == 0:
        return Version(f"0.{version.minor + 1}.0")
    return Version(f"{version.major + 1}.0.0")


def with_version(wheel: Wheel, version: Version, folder: Path) -> Wheel:
    """Write the wheel to a folder under another version, the same in everything else."""
    old, new = str(wheel.version), str(version)
    made = Wheel(folder / wheel.path.name.replace(old, new, 1))
    files = {
        path.replace(wheel.metadata_folder, made.metadata_folder): wheel.read(path)
        for path in wheel.files
        if not path.endswith("/RECORD")
    }
    _replace(files, f"{made.metadata_folder}/METADATA", f"Version: {old}", f"Version: {new}")
    _replace(files, f"{wheel.leaf}/__init__.py", f'"{old}"', f'"{new}"')
    record = f"{made.metadata_folder}/RECORD"
    files[record] = _record(files, record)
    with zipfile.ZipFile(made.path, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return made


def _replace(files: dict[str, bytes], path: str, old: str, new: str) -> None:
    files[path] = files[path].replace(old.encode(), new.encode(), 1)


def _record(files: dict[str, bytes], record: str) -> bytes:
    """Return the list of files, as the wheel specification says it.

    See Also:
        https://packaging.python.org/en/latest/specifications/recording-installed-packages/
    """
    lines = [
        f"{path},sha256={_digest(content)},{len(content)}\n" for path, content in files.items()
    ]
    return "".join([*lines, f"{record},,\n"]).encode()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
