import json
from pathlib import Path

import pytest

from orders.models import Order, StoredOrder
from orders.source import made_up_orders, read_orders

LINE = {
    "order_id": "A-1",
    "item": "phở",
    "quantity": 2,
    "unit_price": "9.90",
    "placed_at": "2026-01-01T12:00:00+07:00",
}
SCHEMA = Path(__file__).parents[1] / "examples" / "orders" / "order.schema.json"


def write(folder: Path, *lines: object) -> Path:
    file = folder / "orders.jsonl"
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    file.write_bytes(b"\n".join(texts))
    return file


def test_the_published_schema_is_that_of_the_model() -> None:
    assert json.loads(SCHEMA.read_text()) == Order.model_json_schema()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{not json", "JSON"),
        (b'"text"', "object"),
        (b"\xff\xfe", "JSON"),
        ({**LINE, "extra": 1}, "extra"),
        ({**LINE, "quantity": 0}, "quantity"),
        ({**LINE, "quantity": True}, "quantity"),
        ({**LINE, "quantity": "2"}, "quantity"),
        ({**LINE, "unit_price": "1.234"}, "unit_price"),
        ({**LINE, "unit_price": "NaN"}, "unit_price"),
        ({**LINE, "unit_price": "1e3"}, "unit_price"),
        ({**LINE, "unit_price": "1." + "0" * 60_000}, "unit_price"),
        ({**LINE, "placed_at": "2026-01-01T12:00:00"}, "placed_at"),
        ({**LINE, "placed_at": "0001-01-01T00:00:00+07:00"}, "placed_at"),
        ({**LINE, "placed_at": 1767225600}, "placed_at"),
        ({**LINE, "item": "a\u0000b"}, "item"),
        ({**LINE, "item": "a\ufffeb"}, "item"),
        ({"order_id": "A-1"}, "item"),
        (b" " * 70_000 + b"{}", "longer"),
    ],
)
def test_a_line_that_is_no_order_is_rejected_by_number_and_reason(
    tmp_path: Path, line: object, reason: str
) -> None:
    work = read_orders(write(tmp_path, LINE, b"", line, {**LINE, "order_id": "A-2"}))
    assert [order.order_id for order in work.orders] == ["A-1", "A-2"]
    (rejected,) = work.rejected
    assert rejected.number == 3
    assert reason in rejected.reason


@pytest.mark.parametrize(
    ("price", "kept"),
    [(-0.0, "0.00"), (9.9, "9.90"), (1e3, "1000.00"), ("9", "9.00"), ("0009.90", "9.90")],
)
def test_a_price_travels_to_the_cent(price: object, kept: str) -> None:
    order = StoredOrder.of("ada", Order.model_validate({**LINE, "unit_price": price}))
    assert json.loads(order.model_dump_json())["unit_price"] == kept
    assert StoredOrder.model_validate_json(order.model_dump_json()) == order


def test_a_rejected_line_is_not_quoted(tmp_path: Path) -> None:
    work = read_orders(write(tmp_path, {**LINE, "quantity": "card 4111111111111111"}))
    assert "4111" not in work.rejected[0].reason


def test_the_first_line_of_an_order_id_stands(tmp_path: Path) -> None:
    other = {**LINE, "quantity": 3}
    work = read_orders(write(tmp_path, LINE, LINE, other))
    assert [order.quantity for order in work.orders] == [2]
    assert (len(work.repeats), [line.number for line in work.conflicts]) == (1, [3])
    assert work.duplicates == 2


def test_some_of_the_made_up_orders_are_sent_twice() -> None:
    work = made_up_orders(100)
    assert len({order.order_id for order in work.orders}) == 100
    assert len(work.repeats) == work.duplicates == 5


def test_two_customers_may_use_one_order_id() -> None:
    order = Order.model_validate(LINE)
    one, other = StoredOrder.of("ada", order), StoredOrder.of("bob", order)
    assert one.id != other.id
    assert one == StoredOrder.of("ada", order)
