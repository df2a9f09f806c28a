"""Send orders through the running service, and check in the database what became of them."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.console import Console
from rich.progress import Progress

from orders.client import OrdersClient
from orders.database import count_orders, stored_orders
from orders.models import Order, StoredOrder
from orders.report import Report
from orders.source import Work
from orders.system import OrdersSystem

_PATIENCE_SECONDS: Final = 60.0
_POSTED_AT_MOST: Final = 250


class Demo:
    """One run.

    Args:
        system: The running service.
        work: What to send.
        console: Where the progress is shown.
    """

    def __init__(self, system: OrdersSystem, work: Work, console: Console) -> None:
        self._system = system
        self._work = work
        self._console = console

    def run(self) -> Report:
        """Send everything, wait for it, and look into the database."""
        start = time.monotonic()
        with self._system.sign_up() as client, self._system.sign_up() as stranger:
            with Progress(console=self._console, transient=True) as progress:
                sent = self._send(client, progress)
                self._wait(progress)
            report = self._checked(client, stranger)
        report.sent = sent
        report.seconds = time.monotonic() - start
        return report

    def _send(self, client: OrdersClient, progress: Progress) -> int:
        orders = self._work.orders
        middle = min(len(orders) // 2, _POSTED_AT_MOST)
        posted = [*orders[:middle], *self._work.repeats]
        task = progress.add_task("signed HTTP", total=len(posted))
        for order in posted:
            client.place(order)
            progress.advance(task)
        archived = orders[middle:]
        task = progress.add_task("zip upload", total=len(archived))
        if archived:
            client.upload(archived)
        progress.update(task, completed=len(archived))
        return len(posted) + len(archived)

    def _wait(self, progress: Progress) -> None:
        """Wait until every order is stored and the queues are empty, or nothing moves any more."""
        expected = len(self._work.orders)
        task = progress.add_task("queue to database", total=expected)
        last_change, last = time.monotonic(), (-1, -1)
        while time.monotonic() - last_change < _PATIENCE_SECONDS:
            self._system.raise_worker_errors()
            stored = count_orders(self._system.db, self._system.table)
            now = (stored, self._system.waiting_messages())
            progress.update(task, completed=stored)
            if stored >= expected and not now[1]:
                return
            if now != last:
                last_change, last = time.monotonic(), now
            time.sleep(0.2)

    def _checked(self, client: OrdersClient, stranger: OrdersClient) -> Report:
        wanted = _as_stored(client, self._work.orders)
        stored = stored_orders(self._system.db, self._system.table)
        found = losses(wanted, stored)
        listed = losses(wanted, list(client.orders()))
        strange = list(stranger.orders())
        return Report(
            database=self._system.db.dialect_name,
            stored=len(stored),
            duplicates=self._work.duplicates,
            rejected=self._work.rejected,
            conflicts=self._work.conflicts,
            lost=found.lost,
            doubled=found.doubled,
            unlisted=listed.lost + listed.doubled + len(strange),
        )


def _as_stored(client: OrdersClient, orders: Sequence[Order]) -> list[StoredOrder]:
    user = client.current_user
    if user is None:
        raise RuntimeError("the client is not logged in")
    return [StoredOrder.of(user.sub, order) for order in orders]


class Losses(NamedTuple):
    """What is there too little and too much."""

    lost: int
    doubled: int


def losses(wanted: Sequence[StoredOrder], stored: Sequence[StoredOrder]) -> Losses:
    """Compare what was sent with what is stored, or listed; content and all."""
    rows = Counter(order.id for order in stored)
    contents = {order.id: order for order in stored}
    expected = {order.id for order in wanted}
    return Losses(
        lost=sum(contents.get(order.id) != order for order in wanted),
        doubled=len(stored) - len(rows.keys() & expected),
    )
