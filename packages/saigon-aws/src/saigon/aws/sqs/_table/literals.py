"""MySQL: values in the text that the driver would send, so that a statement's size is known before.

Behind RDS Proxy, a larger one would pin the session to its client.

See Also:
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-pinning.html
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Self, TypeVar
from uuid import UUID

from sqlalchemy import Column, Dialect, Executable, Row, text, types

from saigon.aws.sqs._table.columns import processed
from saigon.aws.sqs.exceptions import MessageRejectedError
from saigon.orm.connection import DbConnector, transaction_context

__all__ = ["GAP", "GappedStatement", "Literals", "in_chunks", "keeps_all", "statement_bytes"]

ItemT = TypeVar("ItemT")

_LITERALS: Final = "literals"
GAP: Final = f":{_LITERALS}"
"""Where a statement has literals, separated by commas."""

_BYTES: Final = 250_000
_BYTES_BEHIND_PROXY: Final = 15_000
_SENDABLE: Final = 2**20
"""What servers take in one packet, unless somebody made it less."""
_ENCODED: Final = frozenset({bool, int, float, Decimal, date, datetime})
"""Types that the driver looks at no further before it takes their encoder."""
_SPECIAL: Final = re.compile(r"""[\0\n\r\x1a"'\\]""")


@dataclass(frozen=True, slots=True)
class _SqlText:
    """A parameter that is SQL already; as a parameter it is in no log and no error."""

    text: str = field(repr=False)


class Literals:
    """Writes values as the connection of the open transaction does."""

    def __init__(self, connector: DbConnector) -> None:
        with transaction_context(connector) as transaction:
            driver: Any = transaction.connection.connection.driver_connection
        # https://pymysql.readthedocs.io/en/latest/modules/connections.html: the argument "conv"
        driver.encoders[_SqlText] = _text_of
        self._escape: Callable[[Any, Any], str] = driver.escape
        self._encoders: Any = driver.encoders
        self._dialect: Dialect = connector.engine.dialect

    def of(self, column: Column[Any], given: Sequence[Any]) -> list[str] | None:
        """Return the values of a column, as it processes them; None where SQL does it."""
        values = processed(column, given, self._dialect)
        if values is None:
            return None
        kinds = set(map(type, values))
        if kinds == {str} and not _SPECIAL.search("".join(values)):
            return [f"'{value}'" for value in values]
        if len(kinds) == 1 and kinds <= _ENCODED:
            encode = self._encoders[kinds.pop()]
            return [encode(value, self._encoders) for value in values]
        return [self._escape(value, self._encoders) for value in values]


def keeps_all(impl: types.TypeEngine[Any], values: Sequence[Any]) -> bool:
    """Tell whether a column of this type is known to keep the values, or to refuse them."""
    kinds = set(map(type, values))
    match impl:
        case types.Integer():
            return kinds <= {int} and 0 not in values  # which can mean the next number
        case types.Uuid():
            return kinds <= {UUID}
        case types.Enum():
            return False
        case types.String():  # which in silence has no room for spaces at the end
            return kinds <= {str} and not any(value.endswith(" ") for value in values)
        case _:
            return False


def _text_of(value: _SqlText, _encoders: Any = None) -> str:
    return value.text


@dataclass(frozen=True, slots=True)
class GappedStatement:
    """A statement with a gap."""

    statement: Executable
    size: int
    """How many bytes are around the gap."""

    @classmethod
    def of(cls, statement: Any, dialect: Dialect) -> Self:
        """Measure what is around the gap."""
        return cls(statement, len(str(statement.compile(dialect=dialect))))

    def execute(self, connector: DbConnector, literals: Iterable[str]) -> list[Row[Any]]:
        """Execute it as often as the literals take; return the rows of all."""
        rows: list[Row[Any]] = []
        for chunk in in_chunks(literals, _size, statement_bytes(connector) - self.size):
            joined = ",".join(chunk)
            if len(joined) > _SENDABLE:
                _refuse_larger_than_packet(connector, self.size + _size(joined))
            rows += connector.execute(self.statement, {_LITERALS: _SqlText(joined)}).rows
        return rows


def _refuse_larger_than_packet(connector: DbConnector, size: int) -> None:
    # The server would hang up instead, which is what an outage looks like.
    limit = connector.fetch_scalar(text("SELECT @@max_allowed_packet"))
    if size >= limit:
        raise MessageRejectedError("a row that is larger than max_allowed_packet")


def statement_bytes(connector: DbConnector) -> int:
    """Return how large a statement may be."""
    return _BYTES if connector.proxy is None else _BYTES_BEHIND_PROXY


def _size(literal: str) -> int:
    return len(literal) if literal.isascii() else len(literal.encode(errors="surrogatepass"))


def in_chunks(
    items: Iterable[ItemT], size: Callable[[ItemT], int], room: int
) -> Iterator[list[ItemT]]:
    """Yield the items in lists of at most so many bytes, or of one item."""
    chunk: list[ItemT] = []
    left = room
    for item in items:
        needed = size(item) + 1  # the comma
        if chunk and needed > left:
            yield chunk
            chunk, left = [], room
        chunk.append(item)
        left -= needed
    if chunk:
        yield chunk
