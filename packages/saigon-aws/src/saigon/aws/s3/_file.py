"""A downloaded file, and what of the object it holds."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

__all__ = ["S3File"]

if TYPE_CHECKING:
    _Path = Path
else:
    _Path = type(Path())  # before Python 3.12, only this class can be inherited from


class S3File(_Path):
    """The path of a downloaded file; it equals any other path to the same place.

    A path that is derived from it, as its ``parent``, knows nothing of an object.
    """

    etag: str | None = None
    """The entity tag of the object."""
    version_id: str | None = None
    """The version of the object, where its bucket keeps versions."""
    checksum: str | None = None
    """The algorithm of S3's that the bytes were verified by, such as ``CRC32``.

    None where S3 has no checksum of the whole object, or one that cannot be computed here; then
    the length was verified, and where a connection broke the entity tag.
    """

    def __reduce__(self) -> Any:
        """Keep all of it in a copy, and on the way to another process."""
        make = partial(
            S3File.of, etag=self.etag, version_id=self.version_id, checksum=self.checksum
        )
        return make, (str(self),)

    @classmethod
    def of(
        cls, path: Path | str, *, etag: str | None, version_id: str | None, checksum: str | None
    ) -> "S3File":
        """Return the path with what is known of its file."""
        file = cls(path)
        file.etag, file.version_id, file.checksum = etag, version_id, checksum
        return file
