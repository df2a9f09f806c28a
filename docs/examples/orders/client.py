"""A client of the orders API."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from orders.models import Accepted, Order, StoredOrder, UploadAddress, UploadRequest
from saigon.model import QueryDataParams
from saigon.rest.client import AuthRestClient


class OrdersClient(AuthRestClient):
    """Places orders and lists them, as the user who is logged in."""

    def place(self, order: Order) -> Accepted:
        """Place one order; sent again after a lost answer, it counts once."""
        key = quote(order.order_id, safe="")  # a header holds ASCII, an order id any text
        return self.create_resource("/orders", order, Accepted, idempotency_key=key)

    def upload(self, orders: Sequence[Order]) -> None:
        """Upload many orders as a zip file."""
        with TemporaryDirectory() as folder:
            archive = Path(folder) / "orders.zip"
            _write_archive(archive, orders)
            wanted = UploadRequest(size=archive.stat().st_size)
            address = self.create_resource("/uploads", wanted, UploadAddress)
            self.upload_file_to_form(address.url, address.fields, archive)

    def orders(self, *, page_size: int = 100) -> Iterator[StoredOrder]:
        """List the user's orders, page by page, the latest first."""
        params = QueryDataParams[None](max_count=page_size)
        for page in self.paginate("/orders", StoredOrder, params=params):
            yield from page


def _write_archive(archive: Path, orders: Sequence[Order]) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        lines = [order.model_dump_json() for order in orders]
        file.writestr("orders.jsonl", "\n".join(lines))
