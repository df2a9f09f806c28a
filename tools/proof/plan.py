"""What the workers of a trial are told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

__all__ = ["POINTS", "Plan", "Point"]

Point: TypeAlias = Literal["received", "inserted", "committed", "half deleted"]
"""Where a worker dies: with messages in hand, in its transaction, after the commit and before
the first delete, and after some of the deletes."""

POINTS: Final[tuple[Point, ...]] = get_args(Point)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a fleet works."""

    case: str
    database_url: str
    queue_url: str
    folder: Path
    """For the warrants, and for what a worker that fails has to say."""
    dead_letter_url: str | None = None
    workers: int = 3
    batch_size: int = 20
    visibility_timeout: int = 2
