"""How much an archive may hold."""

from dataclasses import dataclass, fields

__all__ = ["DEFAULT_LIMITS", "UnzipLimits"]

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class UnzipLimits:
    """The most that is taken from an archive.

    An archive over a limit is refused before a byte is written.
    The number of bytes is the real limit: ordinary text is seen to reach a ratio of 187.
    """

    total_bytes: int = 1024 * _MIB
    """The bytes of all extracted members together."""
    member_bytes: int = 512 * _MIB
    """The bytes of one extracted member."""
    members: int = 10_000
    """The entries of the archive, directories too."""
    directory_bytes: int = 16 * _MIB
    """The bytes of the archive's own directory, which is held in memory."""
    ratio: int = 200
    """Bytes out for each byte in, looked at only where more than 1 MiB comes out."""
    path_bytes: int = 1024
    """The bytes of a member's path in UTF-8."""
    depth: int = 32
    """The segments of a member's path."""

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ValueError(f"expected a whole number of 1 or more in {name}")


DEFAULT_LIMITS = UnzipLimits()
