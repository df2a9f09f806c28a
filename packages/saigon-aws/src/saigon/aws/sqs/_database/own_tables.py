"""Columns that hold the same bytes and texts on each database, and tables of them as SQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Insert, LargeBinary, String, Table, Text
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement
from sqlalchemy.types import TypeEngine

from saigon.aws.sqs.exceptions import ForwarderConfigError

_MYSQL = ("mysql", "mariadb")
_DIALECTS = {
    "postgresql": postgresql.dialect,
    "mysql": mysql.dialect,
    "sqlite": sqlite.dialect,
}


def exact_text(length: int) -> TypeEngine[str]:
    """Return a text of any characters, of which MySQL, too, takes no two for the same."""
    exact = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return String(length).with_variant(exact, *_MYSQL)


def digest(length: int) -> TypeEngine[bytes]:
    """Return bytes of a fixed length, which can be a key."""
    return LargeBinary(length).with_variant(mysql.BINARY(length), *_MYSQL)


def long_bytes() -> TypeEngine[bytes]:
    """Return bytes of any length; MySQL's own end at 64 KiB."""
    return LargeBinary().with_variant(mysql.LONGBLOB(), *_MYSQL)


def long_ascii() -> TypeEngine[str]:
    """Return ASCII of any length, likewise."""
    return Text().with_variant(mysql.LONGTEXT(), *_MYSQL)


def ddl_of(table: Table, dialect_name: str) -> str:
    """Return the statements that make a table with its indexes.

    Raises:
        ForwarderConfigError: There is no such dialect.
    """
    if dialect_name not in _DIALECTS:
        raise ForwarderConfigError(
            f"expected a dialect of {', '.join(_DIALECTS)}, got {dialect_name!r}"
        )
    dialect: Any = _DIALECTS[dialect_name]()
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    statements: list[DDLElement] = [CreateTable(table), *map(CreateIndex, indexes)]
    return "".join(f"{str(each.compile(dialect=dialect)).strip()};\n" for each in statements)


def insert_new(table: Table, key_names: Sequence[str], dialect_name: str) -> Insert:
    """Return what inserts a row where its key is not there yet."""
    key = [table.columns[name] for name in key_names]
    if dialect_name == "mysql":
        # INSERT IGNORE would let other errors pass as well.
        return mysql.insert(table).on_duplicate_key_update({key_names[0]: key[0]}).inline()
    make = postgresql.insert if dialect_name == "postgresql" else sqlite.insert
    return make(table).on_conflict_do_nothing(index_elements=key).inline()


def check_columns(table: Table, model: Table) -> None:
    """Refuse a table that lacks columns of the one it should be like.

    Raises:
        ForwarderConfigError: It lacks some.
    """
    missing = set(model.columns.keys()) - set(table.columns.keys())
    if missing:
        names = ", ".join(sorted(missing))
        raise ForwarderConfigError(f"table {table.name!r} lacks {names}, which {model.name} has")
