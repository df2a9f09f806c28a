"""What a look at the database finds."""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

__all__ = ["Findings", "compare"]


@dataclass(frozen=True, slots=True)
class Findings:
    """How many rows are not as they should be; all is well where each number is 0."""

    lost: int = 0
    """Rows that are not there, or not as they were sent."""
    foreign: int = 0
    """Rows that nobody has sent, or not like that."""
    doubled: int = 0
    """Rows that are there once more."""


def compare(expected: Iterable[Hashable], found: Iterable[Hashable]) -> Findings:
    """Compare the rows that should be there with those that are."""
    wanted, counts = set(expected), Counter(found)
    return Findings(
        lost=len(wanted - set(counts)),
        foreign=len(set(counts) - wanted),
        doubled=sum(count - 1 for count in counts.values()),
    )
