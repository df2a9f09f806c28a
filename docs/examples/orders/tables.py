"""The table of orders."""

from sqlalchemy import Column, Integer, MetaData, Numeric, String, Table, Uuid
from sqlalchemy.types import DateTime


def orders_table(name: str = "orders", metadata: MetaData | None = None) -> Table:
    """Return the table, under a name of the caller's."""
    return Table(
        name,
        metadata or MetaData(),
        Column("id", Uuid(native_uuid=True), primary_key=True),
        Column("customer", String(64), nullable=False),
        Column("order_id", String(64), nullable=False),
        Column("item", String(64), nullable=False),
        Column("quantity", Integer, nullable=False),
        Column("unit_price", Numeric(12, 2), nullable=False),
        Column("placed_at", DateTime(timezone=True), nullable=False),
    )
