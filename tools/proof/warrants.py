"""Permissions to die, each a file, which one process at most can take away."""

from collections import Counter
from contextlib import suppress
from pathlib import Path

from tools.proof.plan import POINTS, Point

__all__ = ["Warrants"]


class Warrants:
    """The warrants of a fleet, by the points that they are for.

    Args:
        folder: Where they are; it is the same for those who issue and those who die.
    """

    def __init__(self, folder: Path) -> None:
        self._due = folder / "due"
        self._served = folder / "served"

    def prepare(self) -> None:
        """Make the folders."""
        for point in POINTS:
            (self._due / point).mkdir(parents=True)
            (self._served / point).mkdir(parents=True)

    def issue(self, point: Point, number: int) -> None:
        """Let the next process that passes a point die."""
        (self._due / point / str(number)).touch()

    def serve(self, point: Point) -> bool:
        """Take a warrant for a point away; False if there is none."""
        for warrant in (self._due / point).iterdir():
            with suppress(FileNotFoundError):  # another process was faster
                warrant.rename(self._served / point / warrant.name)
                return True
        return False

    def served(self) -> Counter[Point]:
        """Return how many were taken at each point."""
        return Counter({point: len(list((self._served / point).iterdir())) for point in POINTS})
