"""The ways of storing that trials are made of, and the two that must fail."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import BigInteger, Column, Insert, Integer, MetaData, String, Table, insert

from saigon.aws.sqs import OnConflict, SqlStatementBuilder
from saigon.model import BaseModelNoExtra
from tools.proof.dying import DyingClient, DyingTableBuilder, Fate

__all__ = ["CASES", "Case", "Entry", "Order"]

_TABLES: Final = MetaData()


class Order(BaseModelNoExtra):
    """A message of a standard queue."""

    id: str
    item: str
    version: int


class Entry(BaseModelNoExtra):
    """A message of a FIFO queue: which one of its line it is."""

    id: str
    line: str
    number: int


def _orders(name: str) -> Table:
    return Table(
        name,
        _TABLES,
        Column("id", String(36), primary_key=True),
        Column("item", String(60), nullable=False),
        Column("version", Integer, nullable=False),
    )


_LEDGER: Final = Table(
    "ledger",
    _TABLES,
    Column("position", BigInteger, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("line", String(36), nullable=False),
    Column("number", Integer, nullable=False),
)
_LOOSE: Final = Table(
    "loose",
    _TABLES,
    Column("id", String(36)),
    Column("item", String(60)),
    Column("version", Integer),
)


class _PlainInsert:
    """Declares a key that nothing holds it to."""

    key = ("id",)

    def prepare(self, message_type: type[BaseModel]) -> Insert:  # noqa: ARG002  # as asked for
        return insert(_LOOSE)

    def get_statement_params(self, message: BaseModel) -> Mapping[str, Any]:
        return message.model_dump()


class _DeletesFirst:
    """Deletes what it receives."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def receive_message(self, **request: Any) -> Any:
        answer = self._client.receive_message(**request)
        entries = [
            {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]}
            for i, message in enumerate(answer.get("Messages", []))
        ]
        if entries:
            self._client.delete_message_batch(QueueUrl=request["QueueUrl"], Entries=entries)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


@dataclass(frozen=True, slots=True)
class Case:
    """A way of storing messages."""

    table: Table
    message_type: type[BaseModel]
    options: Mapping[str, Any]
    """Of the table's builder; none where another builder takes its place."""
    make_client: Callable[[Any], Any] = lambda client: client

    def builder(self, fate: Fate) -> SqlStatementBuilder[Any]:
        """Return the builder of one worker."""
        if not self.options:
            return _PlainInsert()
        builder = DyingTableBuilder(self.table, **self.options)
        builder.fate = fate
        return builder

    def client(self, client: Any, fate: Fate) -> DyingClient:
        """Return the client of one worker, around one of boto3's."""
        return DyingClient(self.make_client(client), fate)


_BY_ID: Final = {"key": "id"}
_NEWER: Final = {"key": "id", "on_conflict": OnConflict.UPDATE, "newer_by": "version"}

CASES: Final = {
    "ignore": Case(_orders("firsts"), Order, _BY_ID),
    "update": Case(_orders("newest"), Order, _NEWER),
    "fifo": Case(_LEDGER, Entry, {"key": "id", "keeps_order": True}),
    "plain insert": Case(_LOOSE, Order, {}),
    "delete first": Case(_orders("left"), Order, _BY_ID, _DeletesFirst),
}
