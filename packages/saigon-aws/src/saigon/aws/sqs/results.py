"""What a batch came to, in counts and reasons; never in bodies."""

from dataclasses import dataclass, replace

__all__ = ["ForwardResult", "MessageFailure", "RowCounts"]

_KEPT_FAILURES = 100


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What a write came to: rows new in the table, and rows that were there already."""

    inserted: int = 0
    """Rows inserted, or updated because they were newer."""
    duplicates: int = 0
    """Rows whose key was stored already, or that were older than the stored row."""

    def __add__(self, other: "RowCounts") -> "RowCounts":
        return RowCounts(self.inserted + other.inserted, self.duplicates + other.duplicates)


@dataclass(frozen=True, slots=True)
class MessageFailure:
    """A message that was not stored, and why; the reason does not quote the message."""

    message_id: str
    reason: str
    dead: bool = False
    """It was copied to where dead letters go."""


@dataclass(frozen=True, slots=True)
class ForwardResult:
    """What became of the messages of one batch, or of a whole run."""

    received: int = 0
    """Messages received, each delivery counted."""
    inserted: int = 0
    """Rows inserted, or updated because they were newer."""
    duplicates: int = 0
    """Rows that were stored already, and second deliveries within a batch."""
    dead: int = 0
    """Bad messages that were copied to where dead letters go."""
    retried: int = 0
    """Messages given back to the queue: bad ones, and those released unwritten."""
    deleted: int = 0
    """Deliveries deleted from the queue."""
    seconds: float = 0.0
    """The time from the beginning of its write to the delete."""
    failures: tuple[MessageFailure, ...] = ()
    """The bad messages; of a worker's run the last hundred."""

    def __add__(self, other: "ForwardResult") -> "ForwardResult":
        return ForwardResult(
            received=self.received + other.received,
            inserted=self.inserted + other.inserted,
            duplicates=self.duplicates + other.duplicates,
            dead=self.dead + other.dead,
            retried=self.retried + other.retried,
            deleted=self.deleted + other.deleted,
            seconds=self.seconds + other.seconds,
            failures=(self.failures + other.failures)[-_KEPT_FAILURES:],
        )

    def took(self, seconds: float) -> "ForwardResult":
        """Return the same result with its duration in seconds."""
        return replace(self, seconds=seconds)
