"""Batches of 500 messages into a table, by the forwarder and by hand."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Engine, text

from saigon.aws.sqs import ForwardResult, SqsToRdsForwarder
from saigon.orm.connection import DbConnector
from tools.bench.databases import Kind, fresh_database
from tools.bench.forwards import Forwarding, forward_peaks
from tools.bench.insertion import all_at_once, copied, each_by_itself, powertools_handler, rows_of
from tools.bench.plain import plain_engine
from tools.bench.registry import Pair, Peaks, Unavailable, bench, require, same_result
from tools.bench.run import current_run
from tools.bench.sales import QUEUE_URL, SALES, Sale, event_of, new_body

PreparedT = TypeVar("PreparedT")

_BATCH: Final = 500
_PARTS: Final = (100, 10, 1)


class _Side(Generic[PreparedT]):
    """Stores a batch of new messages with each call."""

    def __init__(
        self, prepare: Callable[[list[str]], PreparedT], store: Callable[[PreparedT], int]
    ) -> None:
        self._prepare = prepare
        self._store = store
        self._ready: list[PreparedT] = []

    def make_ready(self) -> None:
        """Prepare the next call's messages, so that it is not measured."""
        if not self._ready:
            self._ready.append(self._prepare([new_body(number) for number in range(_BATCH)]))

    def __call__(self) -> int:
        self.make_ready()
        inserted = self._store(self._ready.pop())
        if inserted != _BATCH:
            raise ValueError(f"stored {inserted} of {_BATCH} new messages")
        return inserted


@contextmanager
def against(
    kind: Kind, peer_of: Callable[[Engine, Kind], "Iterator[_Side[Any]]"]
) -> Iterator[Pair]:
    """Compare the forwarder's function of Lambda with a peer, both in one table."""
    with (
        fresh_database(kind) as url,
        DbConnector(url) as connector,
        plain_engine(url) as engine,
        contextmanager(peer_of)(engine, kind) as peer,
    ):
        SALES.create(engine)
        ours = _forwarder(connector)

        def tidy() -> None:
            connector.execute(text("TRUNCATE TABLE sales"))
            ours.make_ready()
            peer.make_ready()

        yield same_result(Pair(ours, peer, tidy=tidy))


def _forwarder(connector: DbConnector) -> _Side[Any]:
    results: list[ForwardResult] = []
    forwarder = SqsToRdsForwarder(
        Sale,
        QUEUE_URL,
        connector,
        SALES,
        dead_letter=f"{QUEUE_URL}-dead",
        sqs_client=object(),  # no queue is asked for messages that are stored
        hooks=[results.append],
    )

    def store(event: Any) -> int:
        forwarder.handle_lambda_event(event, None)
        return results.pop().inserted

    return _Side(event_of, store)


def _each(engine: Engine, kind: Kind) -> Iterator[_Side[Any]]:
    with _driver(engine) as connection:
        yield _Side(list, partial(each_by_itself, connection, kind))


def _executemany(engine: Engine, kind: Kind) -> Iterator[_Side[Any]]:
    with _driver(engine) as connection:
        yield _Side(list, partial(all_at_once, connection, kind))


def _copy(engine: Engine, _kind: Kind) -> Iterator[_Side[Any]]:
    with _driver(engine) as connection:
        yield _Side(rows_of, partial(copied, connection))


def _powertools(engine: Engine, _kind: Kind) -> Iterator[_Side[Any]]:
    require("aws_lambda_powertools")
    yield _Side(event_of, powertools_handler(engine))


@contextmanager
def _driver(engine: Engine) -> Iterator[Any]:
    """Give a connection of psycopg or PyMySQL itself."""
    with closing(engine.raw_connection()) as connection:
        yield connection.driver_connection


def _register(kind: Kind, fold: int) -> None:
    each = bench(
        f"forwarding-{kind}-each",
        peer="an insert and a commit for each message, by hand",
        goal=f"at most {1 / fold:.3g} ({fold} times as fast)",
    )
    many = bench(
        f"forwarding-{kind}-executemany",
        peer="one executemany by hand, which knows neither duplicates nor bad messages",
        goal="at most 2",
    )
    powertools = bench(
        f"forwarding-{kind}-powertools",
        peer="powertools' BatchProcessor with SQLAlchemy",
        goal="below 1",
    )
    each(partial(against, kind, _each))
    many(partial(against, kind, _executemany))
    powertools(partial(against, kind, _powertools))


_register("postgresql", 30)
_register("mysql", 15)
bench("forwarding-postgresql-copy", peer="COPY of rows that are parsed already", goal="at most 4")(
    partial(against, "postgresql", _copy)
)


@bench("memory-forwarding", peer="one executemany of all", goal="growth at most 1.1")
@contextmanager
def memory() -> Iterator[Peaks]:
    """Compare the worker's peak with that of rows in a list, each in a process of its own."""
    sizes = tuple(current_run().rows // part for part in _PARTS)
    with ExitStack() as stack:
        try:
            url = stack.enter_context(fresh_database("postgresql"))
        except Unavailable:
            url = stack.enter_context(fresh_database("sqlite"))
        with plain_engine(url) as engine:
            SALES.create(engine)
        yield Peaks(
            sizes,
            ours=lambda: forward_peaks(Forwarding(url, "run", sizes)),
            peer=lambda: forward_peaks(Forwarding(url, "one executemany", sizes)),
            unit="messages",
        )
