"""The peak of memory while orders are read into models, in a process of its own.

As a program it takes a :class:`Reading` on standard input, where a password is seen by nobody.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Select, select

from saigon.orm.connection import AsyncDbConnector, DbConnector
from tools.bench.apart import highest_resident_bytes, peaks_of
from tools.bench.orders import ORDERS, Order

__all__ = ["Reading", "Way", "peaks"]

Way = Literal["fetch_iter", "async fetch_iter", "fetch_all"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read."""

    url: str
    way: Way
    sizes: tuple[int, ...]
    """How many rows, one after the other; ascending, as a peak only grows."""


def peaks(reading: Reading) -> tuple[int, ...]:
    """Return the highest resident memory, in bytes, up to the end of each size."""
    return peaks_of("tools.bench.peak", reading)


def main() -> None:
    given = json.load(sys.stdin)
    print(json.dumps(_read(Reading(given["url"], given["way"], tuple(given["sizes"])))))


def _read(reading: Reading) -> list[int]:
    match reading.way:
        case "async fetch_iter":
            return asyncio.run(_read_on_a_loop(reading))
        case "fetch_iter":
            return _read_by(_one_by_one, reading)
        case "fetch_all":
            return _read_by(_at_once, reading)


def _read_by(read: Callable[[DbConnector, Select[Any]], int], reading: Reading) -> list[int]:
    highest: list[int] = []
    with DbConnector(reading.url) as connector:
        for size in reading.sizes:
            _check(read(connector, select(ORDERS).limit(size)), size)
            highest.append(highest_resident_bytes())
    return highest


def _one_by_one(connector: DbConnector, orders: Select[Any]) -> int:
    return sum(1 for _ in connector.fetch_iter(orders, model=Order))


def _at_once(connector: DbConnector, orders: Select[Any]) -> int:
    return len(connector.fetch_all(orders, model=Order))


async def _read_on_a_loop(reading: Reading) -> list[int]:
    highest: list[int] = []
    async with AsyncDbConnector(reading.url) as connector:
        for size in reading.sizes:
            rows = connector.fetch_iter(select(ORDERS).limit(size), model=Order)
            read = 0
            async for _ in rows:
                read += 1
            _check(read, size)
            highest.append(highest_resident_bytes())
    return highest


def _check(read: int, wanted: int) -> None:
    if read != wanted:
        msg = f"expected {wanted} rows, the table has {read}"
        raise ValueError(msg)


if __name__ == "__main__":
    main()
