"""The demo on database servers, with a user's own file, in a table that it takes away again."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
USER = "saigon_demo_test"
PASSWORD = "@:/ p%40"


@pytest.fixture
def mysql_login_url(mysql_url: str) -> Iterator[str]:
    """Give a database whose user needs a password, which the demo keeps in its secrets."""
    admin = create_engine(mysql_url, poolclass=NullPool)
    hosts = ("%", "localhost")
    with admin.begin() as connection:
        for host in hosts:
            user = {"user": USER, "host": host}
            connection.execute(text("DROP USER IF EXISTS :user@:host"), user)  # of a killed run
            create = text("CREATE USER :user@:host IDENTIFIED BY :password")
            connection.execute(create, {**user, "password": PASSWORD})
            grant = text(f"GRANT ALL ON {admin.url.database}.* TO :user@:host")
            connection.execute(grant, user)
    url = make_url(mysql_url).set(username=USER, password=PASSWORD)
    yield url.render_as_string(hide_password=False)
    with admin.begin() as connection:
        for host in hosts:
            connection.execute(text("DROP USER :user@:host"), {"user": USER, "host": host})


def write_orders(file: Path, count: int) -> None:
    """Write so many orders, 5 of them twice, and 3 broken lines after the first 50."""
    orders = [
        {
            "order_id": f"đơn-{number}",
            "item": "phở 🍜",
            "quantity": number % 9 + 1,
            "unit_price": "9999999999.99",
            "placed_at": f"2026-01-01T12:00:{number % 60:02d}.{number:06d}+07:00",
        }
        for number in range(count)
    ]
    lines = [json.dumps(order) for order in [*orders, *orders[:5]]]
    lines[50:50] = ["{", json.dumps({**orders[0], "extra": 1}), json.dumps({"item": "phở"})]
    file.write_text("\n".join(lines))


@pytest.mark.parametrize("count", [100, pytest.param(1_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("fixture", ["postgresql_url", "mysql_login_url"])
def test_a_users_orders_arrive_once_and_no_table_stays(
    fixture: str, count: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url: str = request.getfixturevalue(fixture)
    file = tmp_path / "orders.jsonl"
    write_orders(file, count)
    done = subprocess.run(
        [sys.executable, "-m", "orders", "--json", "--input", file, "--database-url", url],
        env={**os.environ, "PYTHONPATH": str(EXAMPLES)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["stored"], result["duplicates"]) == (count, 5)
    assert [line["number"] for line in result["rejected"]] == [51, 52, 53]
    assert result["database"] == make_url(url).get_backend_name()
    assert inspect(create_engine(url, poolclass=NullPool)).get_table_names() == []
