"""Where the orders of a run come from: made up, or a user's own file."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from orders.models import Order

_MAX_LINE = 64 * 1024
_ITEMS = ("bánh mì", "cà phê sữa đá", "phở", "gỏi cuốn", "chè")


@dataclass(frozen=True)
class RejectedLine:
    """A line that holds no order, and why; the line itself is not shown."""

    number: int
    reason: str


@dataclass
class Work:
    """The orders to bring into the database, and what was seen while reading them."""

    orders: list[Order] = field(default_factory=list)
    """Each order id once, the first line of it."""

    repeats: list[Order] = field(default_factory=list)
    """Later lines that say the same again: they are sent too, and must have no effect."""

    rejected: list[RejectedLine] = field(default_factory=list)
    conflicts: list[RejectedLine] = field(default_factory=list)
    """Later lines with an order id already seen and other content: the first one stands."""

    @property
    def duplicates(self) -> int:
        """Count the lines whose order id an earlier line has."""
        return len(self.repeats) + len(self.conflicts)


def made_up_orders(count: int) -> Work:
    """Return so many orders; every twentieth is sent twice, as after a client's retry."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    orders = [
        Order(
            order_id=f"order-{number:06d}",
            item=_ITEMS[number % len(_ITEMS)],
            quantity=number % 9 + 1,
            unit_price=Decimal(number % 5000 + 99) / 100,
            placed_at=first + timedelta(minutes=number),
        )
        for number in range(count)
    ]
    return Work(orders=orders, repeats=orders[::20])


def read_orders(path: Path) -> Work:
    """Read a file of orders, one JSON object a line; empty lines are passed over."""
    work = Work()
    seen: dict[str, tuple[int, Order]] = {}
    with path.open("rb") as file:
        for number, line in enumerate(_lines(file), start=1):
            if line.strip() or len(line) > _MAX_LINE:
                _read_line(work, number, line, seen)
    return work


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(_MAX_LINE + 1):
        yield line
        while len(line) > _MAX_LINE and not line.endswith(b"\n"):
            line = file.readline(_MAX_LINE + 1)  # what is left of a long line


def _read_line(work: Work, number: int, line: bytes, seen: dict[str, tuple[int, Order]]) -> None:
    if len(line) > _MAX_LINE:
        work.rejected.append(RejectedLine(number, f"longer than {_MAX_LINE} bytes"))
        return
    try:
        order = Order.model_validate_json(line)
    except ValidationError as error:
        work.rejected.append(RejectedLine(number, _reason(error)))
    else:
        _sort_in(work, number, order, seen)


def _sort_in(work: Work, number: int, order: Order, seen: dict[str, tuple[int, Order]]) -> None:
    first_number, first = seen.setdefault(order.order_id, (number, order))
    if first is order:
        work.orders.append(order)
    elif first == order:
        work.repeats.append(order)
    else:
        reason = f"the order id of line {first_number}, which stands, with other content"
        work.conflicts.append(RejectedLine(number, reason))


def _reason(error: ValidationError) -> str:
    faults = [
        ".".join(map(str, fault["loc"])) + ": " + fault["msg"] if fault["loc"] else fault["msg"]
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return "; ".join(faults[:5])
