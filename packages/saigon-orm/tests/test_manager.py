import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text

from saigon.model import BaseModelNoExtra, QueryDataParams
from saigon.orm.connection import AbstractDbManager, DbConnector, transactional
from saigon.orm.exceptions import DbExecutionError, TableNotFoundError


class Person(BaseModelNoExtra):
    id: int
    name: str
    boss: int | None = None


class People(AbstractDbManager):
    @transactional()
    def hire(self, *names: str) -> None:
        for name in names:
            self.db_connector.execute(insert(self.table("people")), {"name": name})


@pytest.fixture
def manager(db: DbConnector, people: Table) -> People:
    return People(db)


def test_making_a_manager_does_not_connect() -> None:
    People(DbConnector("sqlite:////no/such/folder/x.db"))


def test_tables_are_reflected_once(manager: People) -> None:
    assert manager.table("people") is manager.table("people")
    assert manager.table("people").c.keys() == ["id", "name", "boss"]
    with pytest.raises(TableNotFoundError):
        manager.table("nobody")


def test_nobody_waits_for_a_table_that_another_thread_asks_for() -> None:
    asked = threading.Event()

    class Announced(DbConnector):
        def reflect(self, *args: Any, **kwargs: Any) -> MetaData:
            asked.set()
            return super().reflect(*args, **kwargs)

    # In memory there is one connection, which this transaction holds while the thread waits.
    connector = Announced("sqlite://", pool_timeout=10)
    connector.execute(text("CREATE TABLE people (id INTEGER PRIMARY KEY)"))
    manager = AbstractDbManager(connector)
    with ThreadPoolExecutor(1) as threads:
        with manager.transaction():
            other = threads.submit(Context().run, manager.table, "people")
            assert asked.wait(10)
            assert manager.table("people").c.keys() == ["id"]
        assert other.result() is manager.table("people")
    connector.dispose()


def test_tables_read_apart_are_joined_by_their_keys(manager: People) -> None:
    manager.db_connector.execute(
        text("CREATE TABLE desks (id INTEGER PRIMARY KEY, owner INTEGER REFERENCES people (id))")
    )
    people = manager.table("people")
    desks = manager.table("desks")
    assert desks.join(people).right is people


def test_a_table_is_not_waited_for_longer_than_said(tmp_path: Path) -> None:
    connector = DbConnector(f"sqlite:///{tmp_path / 'later' / 'test.db'}")
    impatient = AbstractDbManager(connector, reflect_retries=0)
    with pytest.raises(DbExecutionError) as caught:
        impatient.table("people")
    assert caught.value.kind == "connection"


def test_its_methods_are_units_of_work(manager: People) -> None:
    manager.hire("Ada", "Bob")
    with pytest.raises(DbExecutionError):
        manager.hire("Cleo", "Ada")
    assert len(manager.db_connector.fetch_all(select(manager.table("people")))) == 2


def test_entities_are_found_and_deleted_by_key(manager: People, people: Table) -> None:
    manager.hire("Ada")
    assert manager.get_entity(Person, "people", 1) == Person(id=1, name="Ada")
    assert manager.get_entity(Person, people, 2) is None
    assert manager.delete_entity(people, 1)
    assert not manager.delete_entity("people", 1)


def test_a_key_has_as_many_values_as_columns(manager: People) -> None:
    pair = Table(
        "pair",
        MetaData(),
        Column("a", Integer, primary_key=True),
        Column("b", Integer, primary_key=True),
    )
    pair.metadata.create_all(manager.db_connector.engine)
    manager.db_connector.execute(insert(pair), {"a": 1, "b": 2})
    with pytest.raises(ValueError, match="2 columns"):
        manager.delete_entity(pair, 1)
    assert manager.delete_entity("pair", (1, 2))


def test_a_transaction_and_pages_are_the_connectors(manager: People) -> None:
    with manager.transaction() as transaction:
        manager.db_connector.execute(
            insert(manager.table("people")), {"name": "Ada"}, require_transaction=True
        )
        assert not transaction.read_only
    manager.db_connector.execute(insert(manager.table("people")), [{"name": "Bob"}, {"name": "C"}])
    table = manager.table("people")
    page = manager.paginate(
        Person, select(table), QueryDataParams[None](max_count=2), order_by=[], with_total=True
    )
    assert ([p.name for p in page], page.total) == (["Ada", "Bob"], 3)
