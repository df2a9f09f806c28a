"""The peak of memory while a queue is forwarded, in a process of its own.

As a program it takes a :class:`Forwarding` on standard input, where a password is seen by nobody.
"""

import json
import sys
import threading
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import delete, insert

from saigon.aws.sqs import SqsToRdsForwarder
from saigon.orm.connection import DbConnector
from saigon.orm.model import row_values_writer
from tools.bench.apart import highest_resident_bytes, peaks_of
from tools.bench.generated_queue import GeneratedQueue
from tools.bench.sales import QUEUE_URL, SALES, Sale

__all__ = ["ForwardWay", "Forwarding", "forward_peaks"]

ForwardWay = Literal["run", "one executemany"]


@dataclass(frozen=True, slots=True)
class Forwarding:
    """What is forwarded."""

    url: str
    """A database with the table of sales."""
    way: ForwardWay
    sizes: tuple[int, ...]
    """How many messages, one queue after the other; ascending, as a peak only grows."""


def forward_peaks(forwarding: Forwarding) -> tuple[int, ...]:
    """Return the highest resident memory, in bytes, up to the end of each size."""
    return peaks_of("tools.bench.forwards", forwarding)


def main() -> None:
    print(json.dumps(_forward(Forwarding(**json.load(sys.stdin)))))


def _forward(forwarding: Forwarding) -> list[int]:
    store = {"run": _run, "one executemany": _at_once}[forwarding.way]
    highest: list[int] = []
    with DbConnector(forwarding.url) as connector:
        for size in forwarding.sizes:
            emptied = threading.Event()
            stored = store(connector, GeneratedQueue(size, emptied), emptied)
            if stored != size:
                raise ValueError(f"stored {stored} of {size} messages")
            highest.append(highest_resident_bytes())
            connector.execute(delete(SALES))
    return highest


def _run(connector: DbConnector, queue: GeneratedQueue, emptied: threading.Event) -> int:
    forwarder = SqsToRdsForwarder(Sale, QUEUE_URL, connector, SALES, sqs_client=queue)
    return forwarder.run(emptied).inserted


def _at_once(connector: DbConnector, queue: GeneratedQueue, _emptied: threading.Event) -> int:
    write = row_values_writer(Sale, SALES, dialect_name=connector.dialect_name)
    rows: list[dict[str, Any]] = []
    while messages := queue.receive_message()["Messages"]:
        rows += [write(Sale.model_validate_json(message["Body"])) for message in messages]
    return connector.execute(insert(SALES), rows).rowcount


if __name__ == "__main__":
    main()
