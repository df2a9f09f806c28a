"""Messages into a table as one would write it by hand, and with powertools' BatchProcessor."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Engine, Insert
from sqlalchemy.dialects import mysql, postgresql

from tools.bench.sales import SALES, Sale

__all__ = ["all_at_once", "copied", "each_by_itself", "powertools_handler", "rows_of"]

_NAMES: Final = ", ".join(SALES.c.keys())
_MARKS: Final = ", ".join(["%s"] * len(SALES.c))
_IGNORING: Final = {
    "postgresql": "ON CONFLICT (id) DO NOTHING",
    "mysql": "ON DUPLICATE KEY UPDATE id = sales.id",
}

Rows = Sequence[tuple[Any, ...]]


def rows_of(bodies: Sequence[str]) -> Rows:
    """Return messages as tuples, with instants as MySQL takes them too."""
    return [_row(body) for body in bodies]


def _row(body: str) -> tuple[Any, ...]:
    return tuple(Sale.model_validate_json(body).__dict__.values())


def each_by_itself(connection: Any, kind: str, bodies: Sequence[str]) -> int:
    """Parse, insert and commit each message; return how many were new."""
    sql = _insert(kind)
    inserted = 0
    with connection.cursor() as cursor:
        for body in bodies:
            cursor.execute(sql, _row(body))
            connection.commit()
            inserted += cursor.rowcount
    return inserted


def all_at_once(connection: Any, kind: str, bodies: Sequence[str]) -> int:
    """Parse all messages, and insert them in one executemany and one transaction."""
    with connection.cursor() as cursor:
        cursor.executemany(_insert(kind), rows_of(bodies))
        connection.commit()
        return int(cursor.rowcount)


def copied(connection: Any, rows: Rows) -> int:
    """Copy rows that have been parsed before into an empty table of PostgreSQL."""
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY sales ({_NAMES}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        connection.commit()
        return int(cursor.rowcount)


def _insert(kind: str) -> str:
    return f"INSERT INTO sales ({_NAMES}) VALUES ({_MARKS}) {_IGNORING[kind]}"  # noqa: S608  # no values of others


def powertools_handler(engine: Engine) -> Callable[[Mapping[str, Any]], int]:
    """Return a function of Lambda as powertools' documentation has it, one commit for a record.

    See Also:
        https://docs.aws.amazon.com/powertools/python/latest/utilities/batch/
    """
    from aws_lambda_powertools.utilities.batch import (
        BatchProcessor,
        EventType,
        process_partial_response,
    )

    processor = BatchProcessor(event_type=EventType.SQS)
    statement = _powertools_insert(engine.dialect.name)

    def store(record: Any) -> None:
        sale = Sale.model_validate_json(record.body)
        with engine.begin() as connection:
            connection.execute(statement, sale.model_dump())

    def handle(event: Mapping[str, Any]) -> int:
        answer = process_partial_response(
            event=dict(event), record_handler=store, processor=processor
        )
        return len(event["Records"]) - len(answer["batchItemFailures"])

    return handle


def _powertools_insert(kind: str) -> Insert:
    if kind == "postgresql":
        return postgresql.insert(SALES).on_conflict_do_nothing(index_elements=["id"])
    return mysql.insert(SALES).on_duplicate_key_update(id=SALES.c.id)
