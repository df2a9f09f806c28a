"""What type checkers make of the connector for asyncio; checked and not run."""

from typing import Any, assert_type

from pydantic import BaseModel
from sqlalchemy import Row, text

from saigon.orm.connection import (
    AsyncDbConnector,
    AsyncTransaction,
    DbConnector,
    Transaction,
    transaction_context,
    transactional,
)


class Person(BaseModel):
    name: str


async def connectors(db: AsyncDbConnector, blocking: DbConnector) -> None:
    query = text("SELECT 1")
    assert_type(await db.fetch_one(query), Row[Any] | None)
    assert_type(await db.fetch_one(query, model=Person), Person | None)
    assert_type(await db.fetch_all(query, model=Person), list[Person])
    async for person in db.fetch_iter(query, model=Person):
        assert_type(person, Person)
    async with transaction_context(db) as transaction:
        assert_type(transaction, AsyncTransaction)
        assert_type(await transaction.run_sync(lambda connection: connection.closed), bool)
    with transaction_context(blocking) as plain:
        assert_type(plain, Transaction)

    @transactional(db)
    async def hire(name: str) -> Person:
        return Person(name=name)

    assert_type(await hire("Ada"), Person)
    hire(1)  # type: ignore[arg-type,unused-coroutine]  # a name is a text

    @transactional(db)  # type: ignore[arg-type]  # it has to be an async def
    def fire(name: str) -> None: ...

    @transactional(blocking)
    def pay(name: str) -> int:
        return len(name)

    assert_type(pay("Ada"), int)
