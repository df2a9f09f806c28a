"""What went through, for people and for programs."""

from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from orders.source import RejectedLine


@dataclass
class Report:
    """The result of a run."""

    database: str
    sent: int = 0
    """Orders sent, over HTTP and in the zip file, repeats included."""

    stored: int = 0
    """Rows in the database at the end."""

    duplicates: int = 0
    """Lines whose order id came before; they have no effect."""

    rejected: list[RejectedLine] = field(default_factory=list)
    conflicts: list[RejectedLine] = field(default_factory=list)

    lost: int = 0
    """Orders that are not in the database, or not as they were sent."""

    doubled: int = 0
    """Rows beyond the one that each order has, or of no order that was sent."""

    unlisted: int = 0
    """Orders that the pages did not show as they were sent, once, and to their own user alone."""

    seconds: float = 0.0

    @property
    def is_right(self) -> bool:
        """Tell whether every order arrived once, and was listed once."""
        return not (self.lost or self.doubled or self.unlisted)

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {**asdict(self), "ok": self.is_right}

    def show(self, console: Console) -> None:
        """Print it for people."""
        for line in self.rejected:
            console.print(f"line {line.number} rejected: {line.reason}", markup=False)
        for line in self.conflicts:
            console.print(f"line {line.number} ignored: {line.reason}", markup=False)
        table = Table(title=f"orders through {self.database}")
        columns = {
            "sent": self.sent,
            "stored": self.stored,
            "duplicates": self.duplicates,
            "rejected": len(self.rejected),
            "lost": self.lost,
            "doubled": self.doubled,
            "unlisted": self.unlisted,
            "seconds": f"{self.seconds:.1f}",
        }
        for name in columns:
            table.add_column(name, justify="right")
        table.add_row(*map(str, columns.values()))
        console.print(table)
        if self.is_right:
            console.print("every order arrived once", style="green")
        else:
            console.print("ORDERS WERE LOST, DOUBLED OR NOT LISTED ONCE", style="bold red")
