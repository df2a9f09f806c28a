"""The table of orders."""

from sqlalchemy import Column, Integer, MetaData, Numeric, String, Table, Uuid
from sqlalchemy.dialects import mysql
from sqlalchemy.types import DateTime

# MySQL drops the fractions of a second unless it is told to keep them.
_INSTANT = DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


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
        Column("placed_at", _INSTANT, nullable=False),
        mysql_charset="utf8mb4",
        mariadb_charset="utf8mb4",
    )
