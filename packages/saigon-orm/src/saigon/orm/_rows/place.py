"""What a column keeps of what is written to it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import types

__all__ = ["ALL_DIGITS", "Place"]

ALL_DIGITS = 6
"""Of a second."""

_SINGLE = 24  # bits of precision, up to which FLOAT is of single precision


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field's value goes."""

    key: str
    """The name of the statement's parameter."""

    kind: types.TypeEngine[Any]
    """The column's type, of its variants that for the dialect; ``NullType`` without a table."""

    dialect_name: str | None
    annotation: Any
    """The field's, which says how the value will be read."""

    def is_a(self, *kinds: type[types.TypeEngine[Any]]) -> bool:
        """Tell whether the column is of one of these types."""
        return isinstance(self.kind, kinds)

    @property
    def keeps_offset(self) -> bool:
        """Whether the database has types that keep a time zone."""
        return self.dialect_name not in {"mysql", "sqlite"}

    @property
    def has_zone(self) -> bool:
        """Whether the column is of such a type."""
        return bool(getattr(self.kind, "timezone", False))

    @property
    def second_digits(self) -> int:
        """How many digits of a second's fraction the column keeps; MySQL's default is none."""
        is_interval = self.is_a(types.Interval) or self.kind.__visit_name__ == "INTERVAL"
        if not is_interval and not self.is_a(types.DateTime, types.Time):
            return ALL_DIGITS
        if self.dialect_name == "mysql":
            return getattr(self.kind, "fsp", None) or 0
        precision: int | None = getattr(self.kind, "precision", None)
        if isinstance(self.kind, types.Interval) and self.dialect_name == "postgresql":
            precision = self.kind.second_precision
        return ALL_DIGITS if precision is None else precision

    @property
    def last_field(self) -> str | None:
        """The smallest unit that PostgreSQL's INTERVAL keeps, where it is declared with fields."""
        fields: str | None = getattr(self.kind, "fields", None)
        return fields.upper().split()[-1] if fields else None

    @property
    def text_length(self) -> int | None:
        """The most characters that the column keeps; blanks beyond them are cut in silence."""
        if not isinstance(self.kind, types.String) or self.dialect_name == "sqlite":
            return None
        return None if self.is_a(types.Text, types.Enum) or self.is_set else self.kind.length

    @property
    def is_set(self) -> bool:
        """Whether the column is MySQL's SET."""
        return self.kind.__visit_name__ == "SET"

    @property
    def is_bits(self) -> bool:
        """Whether the column is of PostgreSQL's bits, which are written as text."""
        return self.kind.__visit_name__ == "BIT" and hasattr(self.kind, "varying")

    @property
    def is_single(self) -> bool:
        """Whether the column is MySQL's FLOAT, as which SQLAlchemy declares its ``Float``."""
        if self.dialect_name != "mysql" or not isinstance(self.kind, types.Float):
            return False
        return not self.is_a(types.Double, types.REAL) and (self.kind.precision or 0) <= _SINGLE

    @property
    def is_whole(self) -> bool:
        """Whether the column is MySQL's DECIMAL without a scale."""
        if self.dialect_name != "mysql" or self.is_a(types.Float):  # a Numeric in SQLAlchemy 2.0
            return False
        return isinstance(self.kind, types.Numeric) and self.kind.scale is None
