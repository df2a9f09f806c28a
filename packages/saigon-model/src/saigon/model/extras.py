"""What a package says when an optional dependency of it is not installed."""

from typing import Any, ClassVar

__all__ = ["MissingExtraError"]


class MissingExtraError(ImportError):
    """An optional dependency is not installed; the message names the extra that brings it.

    Each package has its own, which is one of these.

    Args:
        extra: The extra to install.
        missing: The module that was not found, where that is known.
    """

    distribution: ClassVar[str] = "saigon-model"

    def __init__(self, extra: str, missing: str | None = None) -> None:
        super().__init__(
            f"{missing or 'a dependency'} is not installed; "
            f"expected the extra: pip install '{self.distribution}[{extra}]'",
            name=missing,
        )
        self.extra: str = extra

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep it whole on the way to another process."""
        return type(self), (self.extra, self.name)
