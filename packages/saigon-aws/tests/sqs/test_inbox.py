"""A statement that is not idempotent has its effect once per message."""

import datetime as dt
import enum
import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NewType
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, Field
from sqlalchemy import (
    CheckConstraint,
    Column,
    Executable,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    func,
    select,
    text,
    update,
)

from saigon.aws.sqs import (
    DatabaseUnavailableError,
    ForwarderConfigError,
    Inbox,
    MessageRejectedError,
    OnConflict,
    RowCounts,
    StatementRefusedError,
    TableStatementBuilder,
    inbox_ddl,
    inbox_table,
)
from saigon.aws.sqs._database.inbox_key import InboxKey
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs._sqs.url import queue_id
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

Make = Callable[..., Any]
METADATA = MetaData()
INBOX = inbox_table(METADATA)
ACCOUNT = Table(
    "account",
    METADATA,
    Column("id", String(9), primary_key=True),
    Column("balance", Integer, CheckConstraint("balance >= 0"), nullable=False),
)
MOVES = Table("moves", METADATA, Column("account", String(9)), Column("amount", Integer))
BY_ID = Inbox(INBOX, key="id")
A_MONTH_AND_A_HALF = dt.timedelta(days=45)


class Payment(BaseModel):
    id: str = Field(exclude=True)
    account: str
    amount: int


class AddToBalance:
    """Adds each payment to the balance, however often it is asked to."""

    def prepare(self, message_type: type[Any]) -> Executable:
        amount = ACCOUNT.c.balance + bindparam("amount")
        return update(ACCOUNT).where(ACCOUNT.c.id == bindparam("account")).values(balance=amount)

    def get_statement_params(self, message: Payment) -> Mapping[str, Any]:
        return message.model_dump()


@pytest.fixture
def connector(tmp_path: Path) -> Iterator[DbConnector]:
    with DbConnector(f"sqlite:///{tmp_path / 'accounts.db'}") as connector:
        METADATA.create_all(connector.engine)
        connector.execute(ACCOUNT.insert(), {"id": "ann", "balance": 100})
        yield connector


@pytest.fixture
def make(make_forwarder: Make) -> Make:
    defaults = {"message_type": Payment, "target": AddToBalance(), "key": BY_ID}
    return lambda **options: make_forwarder(**(defaults | options))


@pytest.fixture
def balance(connector: DbConnector) -> Callable[[], int]:
    return lambda: int(connector.fetch_scalar(select(ACCOUNT.c.balance)))


@pytest.fixture
def count(connector: DbConnector) -> Callable[[Table], int]:
    return lambda table: int(connector.fetch_scalar(select(func.count()).select_from(table)))


def payment(payment_id: str, amount: int = 1) -> str:
    return json.dumps({"id": payment_id, "account": "ann", "amount": amount})


def digest(key: Any, *, consumer: str = "a", message_id: str = "1", **fields: Any) -> bytes:
    model = type(
        "Keyed", (BaseModel,), {"__annotations__": {n: type(v) for n, v in fields.items()}}
    )
    message = ReceivedMessage(message_id, "", "")
    return InboxKey(key, model, consumer).digest(message, model(**fields))


def test_a_message_that_comes_again_has_no_second_effect(
    make: Make, queue: StrictQueue, sqs: LocalSqs, balance: Callable[[], int]
) -> None:
    queue.put(payment("a"))
    queue.put(payment("b", 10))
    queue.refuse["DeleteMessageBatch"] = ["ServiceUnavailable"] * 3
    forwarder = make()
    result = forwarder.forward()
    assert (result.inserted, result.duplicates, balance()) == (2, 0, 111)
    sqs.advance(1000)
    queue.put(payment("c", 100))
    result = forwarder.forward()
    assert (result.inserted, result.duplicates, result.deleted) == (1, 2, 3)
    assert balance() == 211


@pytest.mark.parametrize("fifo", [False, True], ids=["standard", "fifo"])
def test_of_two_messages_with_one_key_the_first_one_has_its_effect(
    fifo: bool, make: Make, sqs: LocalSqs, dead_letters: StrictQueue, balance: Callable[[], int]
) -> None:
    queue = sqs.create_queue(fifo=fifo)
    for number in range(9):
        queue.put(payment("same", number + 1), group_id="g", deduplication_id=str(number))
    forwarder = make(sqs_queue_url=queue.url, dead_letter=dead_letters.url)
    result = forwarder.forward()
    assert (result.inserted, result.duplicates, result.deleted) == (1, 8, 9)
    assert balance() == 101


def test_a_bad_message_is_not_remembered_and_spoils_no_other(
    make: Make, queue: StrictQueue, sqs: LocalSqs, balance: Callable[[], int]
) -> None:
    for number in range(6):
        queue.put(payment(str(number)))
    queue.put(payment("large", -150))
    queue.put(payment("large", -106))  # the same key: it has the effect that the first has not
    forwarder = make()
    result = forwarder.forward()
    assert (result.inserted, result.retried, balance()) == (7, 1, 0)
    sqs.advance(1000)
    assert forwarder.forward().duplicates == 1


def test_by_default_the_message_id_tells_messages_apart(
    make: Make, queue: StrictQueue, sqs: LocalSqs, balance: Callable[[], int]
) -> None:
    queue.put(payment("same"))
    queue.put(payment("same"))
    queue.deliver_twice = True
    forwarder = make(key=Inbox(INBOX))
    assert forwarder.forward().inserted == 2
    assert balance() == 102
    with pytest.raises(ForwarderConfigError, match="from no queue"):
        forwarder.forward_message(payment("a"))


def test_a_single_message_goes_through_the_inbox_too(
    make: Make, balance: Callable[[], int]
) -> None:
    counts = [make().forward_message(payment("a")) for _ in range(2)]
    assert counts == [RowCounts(1, 0), RowCounts(0, 1)]
    assert balance() == 101


def test_rows_are_claimed_in_the_same_order_by_all_workers(
    make: Make, queue: StrictQueue, connector: DbConnector
) -> None:
    for number in range(9):
        queue.put(payment(str(number)))
    make().forward()
    digests = list(connector.fetch_all(text("SELECT digest FROM saigon_inbox ORDER BY rowid")))
    assert len(digests) == 9
    assert digests == sorted(digests)


def test_the_same_key_from_another_queue_is_another_message(
    make: Make, sqs: LocalSqs, dead_letters: StrictQueue, balance: Callable[[], int]
) -> None:
    queues = [sqs.create_queue() for _ in range(4)]
    shared = Inbox(INBOX, key="id", consumer="payments")
    for queue, inbox in zip(queues, (BY_ID, BY_ID, shared, shared), strict=True):
        queue.put(payment("a"))
        options = {"sqs_queue_url": queue.url, "dead_letter": dead_letters.url}
        make(key=inbox, **options).forward()
    assert balance() == 103


def test_a_table_takes_each_message_once_without_a_key_of_its_own(
    make: Make, count: Callable[[Table], int]
) -> None:
    forwarder = make(target=MOVES)
    for name in ("a", "b", "a"):
        forwarder.forward_message(payment(name))
    assert count(MOVES) == 2


def test_a_builder_may_have_a_key_beside_the_inbox(
    make_forwarder: Make, orders: Table, connector: DbConnector, order_json: Callable[..., str]
) -> None:
    orders.create(connector.engine)
    builder = TableStatementBuilder(orders, key="id")
    forwarder = make_forwarder(target=builder, key=Inbox(INBOX, key=lambda order: order.item))
    counts = [forwarder.forward_message(order_json(name, item="tea")) for name in ("a", "b")]
    assert counts == [RowCounts(1, 0), RowCounts(0, 1)]


@pytest.mark.parametrize(
    ("key", "options", "expected"),
    [
        ("other", {}, "key 'other' is not a field"),
        ((), {}, "got none"),
        ("id", {"on_conflict": OnConflict.UPDATE, "newer_by": "amount"}, "inserted once"),
    ],
)
def test_what_does_not_fit_the_inbox_is_refused(
    key: Any, options: dict[str, Any], expected: str, make: Make
) -> None:
    with pytest.raises(ForwarderConfigError, match=expected):
        make(key=Inbox(INBOX, key=key), target=MOVES, **options)


@pytest.mark.parametrize(
    ("annotation", "default"),
    [(float, ...), (str | float, ...), (list[str], ...), (Decimal, ...), (Any, ...), (str, "x")],
    ids=["float", "union", "list", "decimal", "any", "default"],
)
def test_a_field_that_might_not_tell_messages_apart_is_no_key(
    annotation: Any, default: Any, make: Make
) -> None:
    namespace = {"__annotations__": {"id": annotation}, "__module__": __name__}
    if default is not ...:
        namespace["id"] = default
    model = type("Made", (BaseModel,), namespace)
    with pytest.raises(ForwarderConfigError, match="key 'id'"):
        make(message_type=model)


def test_a_table_that_is_no_inbox_is_refused() -> None:
    with pytest.raises(ForwarderConfigError, match="lacks claim, claimed_at, consumer, digest"):
        Inbox(ACCOUNT)
    with pytest.raises(ForwarderConfigError, match="1 to 255 characters"):
        Inbox(INBOX, consumer="")


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (lambda payment: payment.nothing, "AttributeError"),
        (lambda payment: payment.amount, "not a text"),
        (lambda _: "", "empty"),
        ("id", "lacks its key: id"),
    ],
    ids=["raises", "number", "empty", "empty field"],
)
def test_a_message_without_a_key_is_bad(key: Any, reason: str, make: Make) -> None:
    with pytest.raises(MessageRejectedError, match=reason) as caught:
        make(key=Inbox(INBOX, key=key)).forward_message(payment(""))
    assert caught.value.__context__ is None


class Colour(enum.StrEnum):
    RED = "red"


NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
IDENTITY = uuid4()


def test_different_keys_have_different_digests() -> None:
    digests = [
        digest(None, message_id="2"),
        digest("id", id="1"),
        digest("id", id=1),
        digest("id", id=True),
        digest("id", id=b"1"),
        digest("id", id=IDENTITY),
        digest("id", id=str(IDENTITY)),
        digest("id", id=NOON),
        digest("id", id=NOON.replace(tzinfo=None)),
        digest("id", id=NOON.date()),
        digest("id", id=Colour.RED),
        digest("id", id="x" * 100_000),
        digest(("x", "y"), x="a", y="bc"),
        digest(("x", "y"), x="ab", y="c"),
        digest(("y", "x"), x="ab", y="c"),
        digest("id", consumer="b", id=1),
    ]
    assert {len(each) for each in digests} == {32}
    assert len(set(digests)) == len(digests)


def test_equal_keys_have_equal_digests() -> None:
    saigon = dt.timezone(dt.timedelta(hours=7))
    assert digest("id", id=NOON) == digest("id", id=NOON.astimezone(saigon))
    assert digest(lambda model: model.id, id="a") == digest("id", id="a") == digest(["id"], id="a")
    assert digest("id", id=UUID(IDENTITY.hex)) == digest("id", id=IDENTITY)


def test_a_kind_of_key_that_is_known_only_from_its_values_is_no_messages_fault() -> None:
    ratio = NewType("ratio", float)
    model = type("Keyed", (BaseModel,), {"__annotations__": {"id": ratio}})
    with pytest.raises(ForwarderConfigError, match="is a float"):
        InboxKey("id", model, "a").digest(ReceivedMessage("1", "", ""), model(id=0.5))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/1/q", "eu-west-1/1/q"),
        ("https://eu-west-1.queue.amazonaws.com/1/q", "eu-west-1/1/q"),
        ("https://vpce-1a-2b.sqs.eu-west-1.vpce.amazonaws.com/1/q", "eu-west-1/1/q"),
        ("https://sqs.eu-west-1.api.aws/1/q", "eu-west-1/1/q"),
        ("https://queue.amazonaws.com/1/q", "us-east-1/1/q"),
        ("https://sqs.us-gov-west-1.amazonaws.com/1/q", "us-gov-west-1/1/q"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/1/q", "cn-north-1/1/q"),
        ("http://localhost:4566/1/q", "localhost:4566/1/q"),
    ],
)
def test_a_queue_has_one_name_at_all_of_its_endpoints(url: str, expected: str) -> None:
    assert queue_id(url) == expected


def test_a_missing_inbox_is_named_and_no_messages_fault(
    make: Make, queue: StrictQueue, connector: DbConnector, balance: Callable[[], int]
) -> None:
    queue.put(payment("a"))
    INBOX.drop(connector.engine)
    with pytest.raises(StatementRefusedError, match=r"inbox 'saigon_inbox' .* inbox_table"):
        make().forward()
    assert (balance(), len(queue.messages)) == (100, 1)


@pytest.mark.parametrize(
    ("trigger", "error"),
    [
        ("BEFORE INSERT ON saigon_inbox BEGIN SELECT RAISE(ABORT, 'no'); END", "can not be used"),
        ("BEFORE INSERT ON saigon_inbox BEGIN SELECT RAISE(IGNORE); END", "were not there"),
    ],
    ids=["refuses", "drops"],
)
def test_an_inbox_that_keeps_nothing_lets_nothing_pass(
    trigger: str, error: str, make: Make, connector: DbConnector, balance: Callable[[], int]
) -> None:
    connector.execute(text(f"CREATE TRIGGER spoils {trigger}"))
    with pytest.raises(StatementRefusedError, match=error):
        make().forward_message(payment("a"))
    assert balance() == 100


def test_old_rows_are_purged_in_chunks(
    make: Make, connector: DbConnector, count: Callable[[Table], int]
) -> None:
    old = dt.datetime.now(dt.UTC) - dt.timedelta(days=46)
    row = {"consumer": "a", "claim": b"", "claimed_at": old}
    rows = [{**row, "digest": number.to_bytes(32)} for number in range(1001)]
    connector.execute(INBOX.insert(), rows)
    make().forward_message(payment("a"))
    assert BY_ID.purge(connector, older_than=A_MONTH_AND_A_HALF) == 1001
    assert BY_ID.purge(connector, older_than=A_MONTH_AND_A_HALF) == 0
    assert count(INBOX) == 1


def test_what_may_still_come_again_is_not_purged(connector: DbConnector) -> None:
    with pytest.raises(ForwarderConfigError, match="42 days"):
        BY_ID.purge(connector, older_than=dt.timedelta(days=41))
    four_days = Inbox(INBOX, retention=dt.timedelta(days=4))
    assert four_days.purge(connector, older_than=dt.timedelta(days=4)) == 0


def test_a_purge_raises_the_forwarders_errors(connector: DbConnector) -> None:
    INBOX.drop(connector.engine)
    with pytest.raises(StatementRefusedError):
        BY_ID.purge(connector, older_than=A_MONTH_AND_A_HALF)
    gone = DbConnector("sqlite:////nowhere/at/all.db")
    with pytest.raises(DatabaseUnavailableError):
        BY_ID.purge(gone, older_than=A_MONTH_AND_A_HALF)


def test_the_inbox_can_be_made_by_hand(
    make: Make, connector: DbConnector, count: Callable[[Table], int]
) -> None:
    INBOX.drop(connector.engine)
    for statement in inbox_ddl("sqlite").split(";\n")[:-1]:
        connector.execute(text(statement))
    make().forward_message(payment("a"))
    assert count(INBOX) == 1
    with pytest.raises(ForwarderConfigError, match="expected a dialect of"):
        inbox_ddl("oracle")
