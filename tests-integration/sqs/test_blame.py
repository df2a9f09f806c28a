"""What one message does to the database is that message's fault, and holds up no other."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    event,
    select,
    text,
)
from sqlalchemy.dialects import mysql

from saigon.aws.sqs import (
    ForwarderConfig,
    MessageRejectedError,
    OnConflict,
    RowCounts,
    SqsToRdsForwarder,
)
from saigon.aws.sqs._table.mysql import write_and_read_back
from saigon.aws.sqs._table.table_write import TableWrite
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector, transaction_context

Make = Callable[..., Any]
Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]
UPDATE = {"on_conflict": OnConflict.UPDATE, "newer_by": "version"}

SLOW_TRIGGER = """
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF new.item = 'slow' THEN PERFORM pg_sleep(9); END IF; RETURN new; END $$

CREATE TRIGGER wait BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION wait()
"""


class Node(BaseModel):
    id: str
    parent: str | None = None


class Numbered(BaseModel):
    id: int
    code: str


class Note(BaseModel):
    id: str
    text: str = ""


@pytest.fixture
def postgresql(postgresql_url: str) -> Iterator[DbConnector]:
    with DbConnector(postgresql_url) as connector:
        yield connector


@pytest.fixture
def mariadb(mysql_url: str) -> Iterator[DbConnector]:
    with DbConnector(mysql_url) as connector:
        yield connector


@pytest.fixture
def make_one(queue: StrictQueue, sqs: LocalSqs, quick: ForwarderConfig, order_type: Any) -> Make:
    """Like make_forwarder, for one kind of database."""

    def make(
        connector: DbConnector, target: Table, message_type: type[BaseModel] = order_type
    ) -> SqsToRdsForwarder[Any]:
        return SqsToRdsForwarder(
            message_type, queue.url, connector, target, sqs_client=sqs.client(), config=quick
        )

    return make


@pytest.mark.parametrize(
    "bodies", [("a b", "b", "c zz"), ("c zz", "a b", "b a")], ids=["parent later", "circle"]
)
def test_who_breaks_a_deferred_constraint_spoils_no_other(
    *,
    bodies: tuple[str, ...],
    postgresql: DbConnector,
    make_one: Make,
    queue: StrictQueue,
) -> None:
    parent = ForeignKey("nodes.id", deferrable=True, initially="DEFERRED")
    nodes = Table(
        "nodes",
        MetaData(),
        Column("id", String(9), primary_key=True),
        Column("parent", String(9), parent),
    )
    nodes.create(postgresql.engine)
    for body in bodies:
        queue.put(Node(**dict(zip(("id", "parent"), body.split(), strict=False))).model_dump_json())
    result = make_one(postgresql, nodes, Node).forward()
    assert (result.inserted, result.retried) == (2, 1)
    assert set(postgresql.fetch_all(select(nodes.c.id))) == {("a",), ("b",)}


def test_a_row_that_a_policy_refuses_spoils_no_other(
    postgresql: DbConnector,
    make_one: Make,
    queue: StrictQueue,
    orders: Table,
    order_json: Body,
) -> None:
    orders.create(postgresql.engine)
    name = postgresql.fetch_scalar(text("SELECT current_database()")) + "_writer"
    for statement in (
        f"CREATE ROLE {name} LOGIN",
        f"GRANT ALL ON orders TO {name}",
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY small ON orders USING (version < 5)",
    ):
        postgresql.execute(text(statement))
    for version in (1, 5):
        queue.put(order_json(f"v{version}", version=version))
    try:
        url = postgresql.engine.url.set(username=name)
        with DbConnector(url) as writer:
            result = make_one(writer, orders).forward()
    finally:
        postgresql.execute(text(f"DROP OWNED BY {name}"))
        postgresql.execute(text(f"DROP ROLE {name}"))
    assert (result.inserted, result.retried) == (1, 1)


def test_a_slow_row_holds_up_no_other(
    postgresql: DbConnector,
    make_one: Make,
    queue: StrictQueue,
    orders: Table,
    order_json: Body,
) -> None:
    orders.create(postgresql.engine)
    for statement in SLOW_TRIGGER.split("\n\n"):
        postgresql.execute(text(statement))
    queue.put(order_json("a", item="slow"))
    queue.put(order_json("b"))
    url = postgresql.engine.url.update_query_dict({"options": "-cstatement_timeout=50"})
    with DbConnector(url) as hurried:
        result = make_one(hurried, orders).forward()
    assert (result.inserted, result.deleted) == (1, 1)
    assert [m.receive_count for m in queue.messages] == [1]


@pytest.mark.parametrize("options", [{}, UPDATE], ids=["ignore", "update"])
def test_a_unique_value_may_be_given_up_by_a_later_message_of_the_batch(
    *,
    options: dict[str, Any],
    make_forwarder: Make,
    queue: StrictQueue,
    order_json: Body,
    stored: Stored,
) -> None:
    forwarder = make_forwarder(**options)
    forwarder.forward_message(order_json("c", item="tea"))
    queue.put(order_json("a", item="tea"))
    queue.put(order_json("c", item="milk", version=2))
    forwarder.forward()
    assert stored() == ({"a": "tea", "c": "milk"} if options else {"c": "tea"})


@pytest.fixture
def numbered(mariadb: DbConnector) -> Table:
    table = Table(
        "numbered",
        MetaData(),
        Column("id", Integer, primary_key=True),
        Column("code", String(9), unique=True),
    )
    table.create(mariadb.engine)
    return table


def test_the_key_0_is_stored_once(mariadb: DbConnector, make_one: Make, numbered: Table) -> None:
    forwarder = make_one(mariadb, numbered, Numbered)
    body = '{"id": 0, "code": "a"}'
    counts = [forwarder.forward_message(body) for _ in range(2)]
    assert counts == [RowCounts(1, 0), RowCounts(0, 1)]
    assert mariadb.fetch_all(select(numbered)) == [(0, "a")]


@pytest.mark.parametrize("key", ["id", "code"])
def test_a_0_that_became_the_next_number_is_not_kept(
    *, key: str, mariadb: DbConnector, numbered: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DbConnector, "proxy", "rds")
    write = TableWrite(numbered, (key,), OnConflict.IGNORE)
    event.listen(mariadb.engine, "begin", _number_zeros)
    with pytest.raises(MessageRejectedError), transaction_context(mariadb):
        write_and_read_back(mariadb, write, [{"id": 0, "code": "a"}])
    assert mariadb.fetch_all(select(numbered)) == []


def _number_zeros(connection: Connection) -> None:
    connection.execute(text("SET sql_mode = 'STRICT_ALL_TABLES'"))


def test_a_key_that_its_column_can_not_spell_spoils_no_other(
    mariadb: DbConnector, make_one: Make, queue: StrictQueue
) -> None:
    key = Column("id", mysql.VARCHAR(36, charset="latin1"), primary_key=True)
    texts = Table("texts", MetaData(), key, Column("text", Text))
    texts.create(mariadb.engine)
    for name in ("é", "\N{GRINNING FACE}", "b"):
        queue.put(Note(id=name).model_dump_json())
    result = make_one(mariadb, texts, Note).forward()
    assert (result.inserted, result.retried) == (2, 1)


def test_a_row_larger_than_a_packet_is_the_messages_fault(mariadb: DbConnector) -> None:
    column = Column("text", mysql.LONGTEXT)
    texts = Table("texts", MetaData(), Column("id", String(36), primary_key=True), column)
    texts.create(mariadb.engine)
    write = TableWrite(texts, ("id",), OnConflict.IGNORE)
    limit = mariadb.fetch_scalar(text("SELECT @@max_allowed_packet"))
    with transaction_context(mariadb):
        assert write_and_read_back(mariadb, write, [{"id": "a", "text": "x" * 2**21}]) == 1
    row = {"id": "b", "text": "x" * limit}
    with pytest.raises(MessageRejectedError, match="packet"), transaction_context(mariadb):
        write_and_read_back(mariadb, write, [row])
