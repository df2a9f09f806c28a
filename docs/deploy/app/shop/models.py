"""The messages."""

from decimal import Decimal

from pydantic import AwareDatetime, BaseModel

__all__ = ["Order"]


class Order(BaseModel):
    """An order, as the shop sends it."""

    id: str
    customer: str
    total: Decimal
    placed_at: AwareDatetime
