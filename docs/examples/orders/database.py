"""The database of a run: its own table, dropped afterwards, in the user's database or a file."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Table, func, make_url, select
from sqlalchemy.schema import CreateTable, DropTable

from orders.models import StoredOrder
from orders.tables import orders_table
from saigon.aws.rds import SecretCredentials
from saigon.model import PaginationTokenCodec
from saigon.model.interface import SecretVault
from saigon.orm.connection import DbConnector


def login_in(database_url: str | None) -> dict[str, str] | None:
    """Return the user and password that the address holds, for a secret; ``None`` without."""
    url = make_url(database_url) if database_url else None
    if url is None or not url.username or not url.password:
        return None
    return {"username": url.username, "password": str(url.password)}


@contextmanager
def connected(
    database_url: str | None,
    *,
    vault: SecretVault,
    login_secret: str | None,
    page_tokens: PaginationTokenCodec,
) -> Iterator[DbConnector]:
    """Give a connector of the database; without an address, of a file that is removed afterwards.

    Args:
        database_url: SQLAlchemy's address. A password in it is not used from there.
        vault: The secrets.
        login_secret: The secret that holds the user and the password.
        page_tokens: Signs the page tokens.
    """
    provider = SecretCredentials(vault, login_secret) if login_secret else None
    with TemporaryDirectory(prefix="orders-", ignore_cleanup_errors=True) as folder:
        url = make_url(database_url or f"sqlite:///{Path(folder) / 'orders.db'}")
        if provider is not None:
            url = url._replace(username=None, password=None)  # set() takes None for "as it was"
        with DbConnector(url, credentials_provider=provider, page_tokens=page_tokens) as db:
            yield db


@contextmanager
def own_table(db: DbConnector) -> Iterator[Table]:
    """Make a table of orders under a name of its own, and drop it afterwards."""
    table = orders_table(f"saigon_demo_orders_{secrets.token_hex(4)}")
    db.execute(CreateTable(table))
    try:
        yield table
    finally:
        db.execute(DropTable(table))


def count_orders(db: DbConnector, table: Table) -> int:
    """Count the rows."""
    return int(db.fetch_scalar(select(func.count()).select_from(table)))


def stored_orders(db: DbConnector, table: Table) -> list[StoredOrder]:
    """Read every row, with no help of a key."""
    return db.fetch_all(select(table), model=StoredOrder)
