"""What is written where, and which of two rows stands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from saigon.aws.sqs._table.rows import Identity, Values, comparable, identities
from saigon.aws.sqs.config import OnConflict
from saigon.aws.sqs.exceptions import MessageRejectedError

__all__ = ["TableWrite"]


@dataclass(frozen=True, slots=True)
class TableWrite:
    """A table and how its rows are told apart."""

    table: Table
    key: tuple[str, ...]
    on_conflict: OnConflict
    newer_by: str | None = None
    defaulted: frozenset[str] = frozenset()
    """What a row may leave to its column's default; an update by such a row sets the default."""

    keeps_order: bool = False
    """Whether rows are written in their order, and not in that of their keys."""

    def updated(self, names: Iterable[str]) -> list[str]:
        """Return the columns that a newer row of these names sets: all but the key.

        A number that the database gave stays, unless the message brings one.
        """
        given = self.table.autoincrement_column
        reset = self.defaulted.difference(() if given is None else (given.key,))
        return sorted({*names, *reset}.difference(self.key))

    def version(self, row: Values) -> Any:
        """Return what says how new a row is."""
        return comparable(row[self.newer_by or ""])

    def one_of_each_key(self, rows: Sequence[Values]) -> Sequence[Values]:
        """Return the rows without those that another of the same key goes before.

        Raises:
            MessageRejectedError: Keys or versions can not be compared.
        """
        try:
            found = identities(rows, self.key)
            return rows if len(set(found)) == len(rows) else self._newest(found, rows)
        except TypeError:  # such as a number and a text; alone, each of them goes to the database
            raise MessageRejectedError("keys or versions that can not be compared") from None

    def _newest(self, found: Sequence[Identity], rows: Sequence[Values]) -> list[Values]:
        kept: dict[Identity, Values] = {}
        for identity, row in zip(found, rows, strict=True):
            other = kept.setdefault(identity, row)
            if self.newer_by is not None and self.version(row) > self.version(other):
                kept[identity] = row
        return list(kept.values())
