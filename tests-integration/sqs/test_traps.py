"""What a database does in silence is noticed; each key has one effect on all of them."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import permutations
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel
from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Uuid,
    insert,
    select,
    text,
)

from saigon.aws.sqs import (
    MessageRejectedError,
    OnConflict,
    RowCounts,
    StatementRefusedError,
    TableStatementBuilder,
)
from saigon.aws.sqs.testing import StrictQueue
from saigon.orm.connection import DbConnector, transaction_context

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]
UPDATE = {"on_conflict": OnConflict.UPDATE, "newer_by": "version"}
NOON = datetime(2024, 5, 1, 12, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=7)))


def test_a_stored_key_is_a_duplicate_and_stays_as_it_is(
    make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    forwarder = make_forwarder()
    assert forwarder.forward_message(order_json("a", item="first")) == RowCounts(1, 0)
    assert forwarder.forward_message(order_json("a", item="second")) == RowCounts(0, 1)
    assert stored() == {"a": "first"}


@pytest.mark.parametrize("options", [{}, UPDATE], ids=["ignore", "update"])
def test_a_clash_on_another_unique_key_is_not_swallowed(
    options: dict[str, Any], make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    forwarder = make_forwarder(**options)
    forwarder.forward_message(order_json("a", item="tea"))
    with pytest.raises(MessageRejectedError):
        forwarder.forward_message(order_json("b", item="tea", version=9))
    assert stored() == {"a": "tea"}


def test_a_clash_in_a_batch_spoils_no_other_message(
    make_forwarder: Make, queue: StrictQueue, order_json: Body, stored: Stored
) -> None:
    make_forwarder().forward_message(order_json("first", item="taken"))
    for number in range(10):
        queue.put(order_json(f"a{number}", **({"item": "taken"} if number == 4 else {})))
    result = make_forwarder().forward()
    assert (result.inserted, result.retried, result.deleted) == (9, 1, 9)
    assert "a4" not in stored()


@pytest.mark.parametrize("options", [{}, UPDATE], ids=["ignore", "update"])
def test_new_rows_and_duplicates_of_a_batch_are_counted(
    options: dict[str, Any], make_forwarder: Make, queue: StrictQueue, order_json: Body
) -> None:
    forwarder = make_forwarder(**options)
    for number in range(4):
        forwarder.forward_message(order_json(f"a{number}"))
    for number in (*range(9), 8):
        queue.put(order_json(f"a{number}"))
    result = forwarder.forward()
    assert (result.inserted, result.duplicates, result.deleted) == (5, 5, 10)


def test_a_column_may_have_another_name_in_the_database(
    connector: DbConnector, make_forwarder: Make
) -> None:
    class Thing(BaseModel):
        id: str
        size: int

    things = Table(
        "things",
        MetaData(),
        Column("thing_id", String(9), key="id", primary_key=True),
        Column("thing_size", Integer, key="size"),
    )
    things.create(connector.engine)
    options = {"on_conflict": OnConflict.UPDATE, "newer_by": "size"}
    forwarder = make_forwarder(message_type=Thing, target=things, **options)
    for size in (1, 3, 2):
        forwarder.forward_message(f'{{"id": "a", "size": {size}}}')
    assert connector.fetch_all(select(things.c.id, things.c.size)) == [("a", 3)]


@pytest.mark.parametrize("versions", list(permutations((1, 2, 3))))
def test_the_newest_row_stands(
    versions: tuple[int, ...],
    make_forwarder: Make,
    queue: StrictQueue,
    order_json: Body,
    stored: Stored,
) -> None:
    forwarder = make_forwarder(**UPDATE)
    for version in versions:
        queue.put(order_json("a", item=f"one by one {version}", version=version))
        forwarder.forward()
    for version in versions:
        queue.put(order_json("b", item=f"together {version}", version=version))
    forwarder.forward()
    assert stored() == {"a": "one by one 3", "b": "together 3"}


def test_updates_are_counted_like_inserts_and_older_rows_like_duplicates(
    make_forwarder: Make, order_json: Body
) -> None:
    forwarder = make_forwarder(**UPDATE)
    counts = [forwarder.forward_message(order_json("a", version=v)) for v in (2, 3, 1, 3)]
    assert counts == [RowCounts(1, 0), RowCounts(1, 0), RowCounts(0, 1), RowCounts(0, 1)]


def test_the_newest_row_stands_in_the_columns_that_it_leaves_to_their_defaults(
    connector: DbConnector, make_forwarder: Make
) -> None:
    class Thing(BaseModel):
        id: str
        version: int
        colour: str | None = None
        size: int | None = None

    things = Table(
        "things",
        MetaData(),
        Column("id", String(9), primary_key=True),
        Column("version", Integer),
        Column("colour", String(9), server_default="red"),
        Column("size", Integer, default=7),
    )
    things.create(connector.engine)
    forwarder = make_forwarder(message_type=Thing, target=things, **UPDATE)
    older, newer = '"version": 1, "colour": "blue", "size": 1', '"version": 2'
    for name, first, second in (("a", older, newer), ("b", newer, older)):
        forwarder.forward_message(f'{{"id": "{name}", {first}}}')
        forwarder.forward_message(f'{{"id": "{name}", {second}}}')
    rows = connector.fetch_all(select(things).order_by(things.c.id))
    assert [tuple(row) for row in rows] == [("a", 2, "red", 7), ("b", 2, "red", 7)]


def test_ragged_messages_of_a_batch_keep_all_their_values(
    connector: DbConnector, make_forwarder: Make, queue: StrictQueue
) -> None:
    class Thing(BaseModel):
        id: str
        colour: str | None = None
        size: int | None = None

    things = Table(
        "things",
        MetaData(),
        Column("id", String(9), primary_key=True),
        Column("colour", String(9), server_default="red"),
        Column("size", Integer, server_default="7"),
    )
    things.create(connector.engine)
    for values in ('"a"', '"b", "size": 1', '"c", "colour": "blue"', '"d", "colour": null'):
        queue.put(f'{{"id": {values}}}')
    assert make_forwarder(message_type=Thing, target=things).forward().inserted == 4
    rows = connector.fetch_all(select(things).order_by(things.c.id))
    expected = [("a", "red", 7), ("b", "red", 1), ("c", "blue", 7), ("d", None, 7)]
    assert [tuple(row) for row in rows] == expected


@pytest.mark.parametrize("number", [(), (Identity(),)], ids=["serial", "identity"])
@pytest.mark.parametrize("options", [{}, UPDATE], ids=["ignore", "update"])
def test_a_number_that_the_database_gave_stays(
    *, number: Any, options: dict[str, Any], connector: DbConnector, make_forwarder: Make
) -> None:
    class Thing(BaseModel):
        code: str
        version: int
        number: int | None = None

    things = Table(
        "things",
        MetaData(),
        Column("number", Integer, *number, primary_key=True),
        Column("code", String(9), unique=True),
        Column("version", Integer),
    )
    things.create(connector.engine)
    forwarder = make_forwarder(message_type=Thing, target=things, key="code", **options)
    for version in (1, 2):
        forwarder.forward_message(f'{{"code": "a", "version": {version}}}')
    expected = [(1, 2 if options else 1)]
    assert connector.fetch_all(select(things.c.number, things.c.version)) == expected


def test_an_update_that_clashes_on_the_primary_key_is_not_swallowed(
    connector: DbConnector, make_forwarder: Make
) -> None:
    class Thing(BaseModel):
        id: int
        code: str
        version: int

    things = Table(
        "things",
        MetaData(),
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("code", String(9), unique=True),
        Column("version", Integer),
    )
    things.create(connector.engine)
    forwarder = make_forwarder(message_type=Thing, target=things, key="code", **UPDATE)
    for number, code in ((1, "x"), (2, "y")):
        forwarder.forward_message(f'{{"id": {number}, "code": "{code}", "version": 1}}')
    with pytest.raises(MessageRejectedError, match="unique"):
        forwarder.forward_message('{"id": 1, "code": "y", "version": 2}')


class Measure(BaseModel):
    id: str
    version: float
    value: float


@pytest.fixture
def measures(connector: DbConnector) -> Table:
    columns = (Column(name, Double) for name in ("version", "value"))
    table = Table("measures", MetaData(), Column("id", String(9), primary_key=True), *columns)
    table.create(connector.engine)
    return table


def test_a_version_that_is_not_a_number_does_not_stand_for_ever(
    connector: DbConnector, make_forwarder: Make, measures: Table
) -> None:
    forwarder = make_forwarder(message_type=Measure, target=measures, **UPDATE)
    with pytest.raises(MessageRejectedError, match="version is not a number"):
        forwarder.forward_message('{"id": "a", "version": NaN, "value": 1}')


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_a_number_that_the_database_does_not_know_spoils_no_other_message(
    *,
    value: str,
    connector: DbConnector,
    make_forwarder: Make,
    queue: StrictQueue,
    measures: Table,
) -> None:
    for name, number in (("a", 1), ("b", value), ("c", 3)):
        queue.put(f'{{"id": "{name}", "version": 1, "value": {number}}}')
    result = make_forwarder(message_type=Measure, target=measures).forward()
    kept = {"postgresql": True, "mysql": False, "sqlite": value != "NaN"}[connector.dialect_name]
    assert (result.inserted, result.retried) == ((3, 0) if kept else (2, 1))


def test_a_time_can_be_the_version(
    make_forwarder: Make, connector: DbConnector, queue: StrictQueue
) -> None:
    class Reading(BaseModel):
        id: UUID
        at: AwareDatetime
        value: Decimal
        tags: list[str]

    readings = Table(
        "readings",
        MetaData(),
        Column("id", Uuid, primary_key=True),
        Column("at", DateTime(timezone=True).with_variant(_microseconds(), "mysql", "mariadb")),
        Column("value", Numeric(10, 3)),
        Column("tags", JSON),
    )
    readings.create(connector.engine)
    forwarder = make_forwarder(
        message_type=Reading,
        target=readings,
        on_conflict=OnConflict.UPDATE,
        newer_by="at",
    )
    key = UUID(int=7)
    times = [NOON, (NOON + timedelta(microseconds=1)).astimezone(UTC), NOON - timedelta(days=1)]
    counts = []
    for number, at in enumerate(times):
        reading = Reading(id=key, at=at, value=Decimal(f"1.00{number}"), tags=["é", "b"])
        counts.append(forwarder.forward_message(reading.model_dump_json()))
    assert counts == [RowCounts(1, 0), RowCounts(1, 0), RowCounts(0, 1)]
    row = connector.fetch_one(select(readings), model=Reading)
    assert row == Reading(id=key, at=times[1], value=Decimal("1.001"), tags=["é", "b"])


def _microseconds() -> Any:
    from sqlalchemy.dialects import mysql

    return mysql.DATETIME(fsp=6)


@pytest.mark.parametrize(
    "values", [{"item": "x" * 21}, {"version": 2**40}, {"total": "99999999999.00"}]
)
@pytest.mark.parametrize("options", [{}, UPDATE], ids=["ignore", "update"])
def test_nothing_is_cut_or_clamped(
    *,
    values: dict[str, Any],
    options: dict[str, Any],
    connector: DbConnector,
    make_forwarder: Make,
    order_json: Body,
    stored: Stored,
) -> None:
    if connector.dialect_name == "sqlite":
        pytest.skip("SQLite has no limits to cut at")
    with pytest.raises(MessageRejectedError):
        make_forwarder(**options).forward_message(order_json("a", **values))
    assert stored() == {}


def test_what_the_driver_can_not_send_is_the_messages_fault(
    connector: DbConnector, make_forwarder: Make, order_json: Body
) -> None:
    forwarder = make_forwarder()
    if connector.dialect_name == "postgresql":
        with pytest.raises(MessageRejectedError):
            forwarder.forward_message(order_json("nul", item="a\0b"))
    with pytest.raises(MessageRejectedError):
        forwarder.forward_message(order_json("large", version=2**70))


def test_a_parent_that_comes_after_its_child_is_waited_for(
    connector: DbConnector, make_forwarder: Make, queue: StrictQueue
) -> None:
    class Node(BaseModel):
        id: str
        parent: str | None

    nodes = Table(
        "nodes",
        MetaData(),
        Column("id", String(9), primary_key=True),
        Column("parent", String(9), ForeignKey("nodes.id")),
    )
    nodes.create(connector.engine)
    for body in ('"a", "parent": "b"', '"b", "parent": "c"', '"x", "parent": "none"'):
        queue.put(f'{{"id": {body}}}')
    queue.put('{"id": "c", "parent": null}')
    result = make_forwarder(message_type=Node, target=nodes).forward()
    assert (result.inserted, result.retried) == (3, 1)
    assert "foreign_key" in result.failures[0].reason
    assert set(connector.fetch_all(select(nodes.c.id))) == {("a",), ("b",), ("c",)}


def test_a_constraint_that_fails_at_the_commit_spoils_no_other_message(
    connector: DbConnector, make_forwarder: Make, queue: StrictQueue, order_json: Body, stored: Any
) -> None:
    if connector.dialect_name != "postgresql":
        pytest.skip("only PostgreSQL defers unique constraints")
    connector.execute(text("ALTER TABLE orders DROP CONSTRAINT orders_item_key"))
    connector.execute(text("ALTER TABLE orders ADD UNIQUE (item) DEFERRABLE INITIALLY DEFERRED"))
    for name in ("a", "b"):
        queue.put(order_json(name))
    queue.put(order_json("c", item="item of a"))
    result = make_forwarder().forward()
    assert (result.inserted, result.retried) == (2, 1)
    assert set(stored()) == {"a", "b"}


def test_a_key_that_differs_in_case_only_is_no_silent_duplicate(
    connector: DbConnector, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    forwarder = make_forwarder()
    forwarder.forward_message(order_json("a"))
    if connector.dialect_name == "mysql":  # whose collation calls them equal
        with pytest.raises(MessageRejectedError, match="key that was altered"):
            forwarder.forward_message(order_json("A", item="other"))
    else:
        assert forwarder.forward_message(order_json("A", item="other")) == RowCounts(1, 0)


class Overtaken(TableStatementBuilder):
    """Another worker stores the rows after this one's snapshot was taken."""

    def __init__(self, table: Table, other: DbConnector) -> None:
        super().__init__(table, key="id")
        self._table, self._other = table, other

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        db_connector.execute(select(self._table))
        self._other.execute(insert(self._table), [dict(row) for row in rows])
        return super().write_rows(db_connector, rows)


def test_a_row_stored_by_another_worker_meanwhile_is_no_clash(
    connector: DbConnector,
    database_url: str,
    orders: Table,
    make_forwarder: Make,
    order_json: Body,
) -> None:
    if connector.dialect_name == "sqlite":
        pytest.skip("SQLite lets one write at a time")
    with DbConnector(database_url) as other:
        forwarder = make_forwarder(target=Overtaken(orders, other))
        counts = forwarder.forward_message(order_json("a"))
    assert counts.inserted + counts.duplicates == 1


_SLOWLY = {
    "postgresql": (
        """CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql
        AS $$BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END$$""",
        "CREATE TRIGGER slowly BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION pause()",
    ),
    "mysql": ("CREATE TRIGGER slowly BEFORE INSERT ON orders FOR EACH ROW DO SLEEP(0.05)",),
}


@pytest.mark.parametrize("options", [{}, UPDATE], ids=["ignore", "update"])
def test_workers_that_write_the_same_rows_in_another_order_do_not_deadlock(
    *, options: dict[str, Any], connector: DbConnector, orders: Table, stored: Stored
) -> None:
    if connector.dialect_name == "sqlite":
        pytest.skip("SQLite lets one write at a time")
    for statement in _SLOWLY[connector.dialect_name]:
        connector.execute(text(statement))
    builder = TableStatementBuilder(orders, key="id", **options)
    barrier = Barrier(2)

    def write(names: str) -> RowCounts:
        # Items of their own: of two unique keys written at once PostgreSQL may tell of the other
        # one, whereupon the forwarder writes row by row.
        rows = [{"id": name, "item": f"{name} of {names}", "version": 1} for name in names]
        with transaction_context(connector):
            barrier.wait(10)
            return builder.write_rows(connector, rows)

    with ThreadPoolExecutor(2) as threads:
        counts = list(threads.map(write, ("ab", "ba")))
    assert [count.inserted + count.duplicates for count in counts] == [2, 2]
    assert set(stored()) == {"a", "b"}


def test_a_key_of_several_columns(connector: DbConnector, make_forwarder: Make) -> None:
    class Line(BaseModel):
        order: str
        line: int
        version: int

    lines = Table(
        "line_items",
        MetaData(),
        Column("order", String(9), primary_key=True),
        Column("line", Integer, primary_key=True, autoincrement=False),
        Column("version", Integer),
    )
    lines.create(connector.engine)
    key = ["order", "line"]
    for options in ({}, UPDATE):
        forwarder = make_forwarder(message_type=Line, target=lines, key=key, **options)
        forwarder.forward_message('{"order": "a", "line": 1, "version": 1}')
        forwarder.forward_message('{"order": "a", "line": 2, "version": 1}')
        forwarder.forward_message('{"order": "a", "line": 1, "version": 2}')
    rows = connector.fetch_all(select(lines).order_by(lines.c.line))
    assert [tuple(row) for row in rows] == [("a", 1, 2), ("a", 2, 1)]


def test_a_reflected_table_will_do(
    connector: DbConnector, make_forwarder: Make, order_json: Body, stored: Stored
) -> None:
    reflected = Table("orders", MetaData(), autoload_with=connector.engine)
    forwarder = make_forwarder(target=reflected, key="id")
    order = order_json("a", total="1.50", placed=NOON.replace(microsecond=0))
    assert forwarder.forward_message(order).inserted == 1
    assert forwarder.forward_message(order).duplicates == 1


def test_a_missing_table_or_column_is_no_messages_fault(
    connector: DbConnector, make_forwarder: Make, order_json: Body
) -> None:
    connector.execute(text("ALTER TABLE orders DROP COLUMN total"))
    with pytest.raises(StatementRefusedError):
        make_forwarder().forward_message(order_json("a"))
    connector.execute(text("DROP TABLE orders"))
    with pytest.raises(StatementRefusedError):
        make_forwarder().forward_message(order_json("a"))
