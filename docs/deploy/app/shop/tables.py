"""The tables, which migrations have made."""

from sqlalchemy import Column, DateTime, MetaData, Numeric, String, Table

__all__ = ["metadata", "orders"]

metadata = MetaData()

orders = Table(
    "orders",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("customer", String(80), nullable=False),
    Column("total", Numeric(12, 2), nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
)
