"""What an order is: as the user writes it, as it travels, and as it is stored."""

from uuid import UUID, uuid5

from pydantic import Field, SecretStr

from orders.fields import Count, Instant, Price, Text
from saigon.model import BaseModelNoExtra

_ORDERS = UUID("0b8bd1a4-6f0e-4c8e-9a3c-57f3f5a1c0de")


class Order(BaseModelNoExtra):
    """An order, as a client sends it: one JSON object, a line of a file of orders."""

    order_id: Text = Field(description="The caller's own id: the same order sent twice counts once")
    item: Text
    quantity: Count = Field(ge=1, le=1_000_000)
    unit_price: Price
    placed_at: Instant


class StoredOrder(Order):
    """An order as it travels through the queue and as it stands in the database."""

    id: UUID
    """Made of the customer and the order's own id, so that no customer's order hides another's."""

    customer: str
    """The user, by the ``sub`` that the gateway has verified."""

    @classmethod
    def of(cls, customer: str, order: Order) -> "StoredOrder":
        """Return the order as the customer's."""
        return cls(
            **order.model_dump(),
            id=uuid5(_ORDERS, f"{customer}/{order.order_id}"),
            customer=customer,
        )


class Accepted(BaseModelNoExtra):
    """The answer to an order: it is in the queue."""

    id: UUID


class UploadRequest(BaseModelNoExtra):
    """Ask for an address to upload a zip file of orders to."""

    size: Count = Field(ge=1, le=64 * 1024 * 1024)


class UploadAddress(BaseModelNoExtra):
    """Where to upload a zip file of orders: a form, to be posted before it expires."""

    url: str
    fields: dict[str, str] = Field(repr=False)  # a permission, for no log


class ServiceSecret(BaseModelNoExtra):
    """What the service keeps in Secrets Manager."""

    page_token_key: SecretStr
    gateway_secret: SecretStr
