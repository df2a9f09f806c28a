"""Results of a transaction that are being read row by row."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, CursorResult
from sqlalchemy.exc import ResourceClosedError

from saigon.orm.exceptions import TransactionUsageError

__all__ = ["OpenStreams"]


@dataclass(frozen=True, slots=True)
class OpenStreams:
    """The streams that are not read to their end."""

    _results: set[CursorResult[Any]] = field(default_factory=set)

    @contextmanager
    def reading(self, result: CursorResult[Any]) -> Iterator[None]:
        """Note that a result is being read."""
        self._results.add(result)
        try:
            yield
        except ResourceClosedError as exc:
            raise TransactionUsageError(
                "there are no more rows to read: the block in which fetch_iter was called has ended"
            ) from exc
        finally:
            self._results.discard(result)

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Close at the end what a block left unread: MySQL can end nothing before."""
        earlier = frozenset(self._results)
        try:
            yield
        finally:
            for result in self._results - earlier:
                result.close()
            self._results.intersection_update(earlier)

    def check_free(self, connection: Connection) -> None:
        """Refuse statements that would cut off a stream."""
        if self._results and connection.dialect.name in {"mysql", "mariadb"}:
            raise TransactionUsageError(
                "a fetch_iter of this transaction is not read to its end; MySQL sends nothing "
                "else on the connection until it is: exhaust or close it first"
            )
