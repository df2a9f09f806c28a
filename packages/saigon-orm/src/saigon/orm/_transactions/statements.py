"""What the first words of a statement tell of what it does to its transaction."""

import re
from typing import Final

__all__ = ["ends_transaction", "may_hide_commit"]

_BLANKS: Final = r"(?:[\s;]|--[^\n]*|#[^\n]*|/\*.*?\*/)*+"
# What ends a transaction, or ends it and begins another, in the dialects of all databases. A
# rollback to a savepoint does not, nor does MariaDB's BEGIN NOT ATOMIC.
_ENDING: Final = re.compile(
    _BLANKS + r"(?:(?:COMMIT|END|ABORT|XA|START\s+TRANSACTION|PREPARE\s+TRANSACTION)\b"
    r"|SET\s+(?:(?:SESSION|LOCAL)\s+|@@(?:SESSION\.|LOCAL\.)?)?AUTOCOMMIT\b"
    r"|LOCK\s+TABLES?\b.*\b(?:READ|WRITE)\b"  # MySQL's, not PostgreSQL's
    r"|BEGIN\b(?!\s+NOT\b)"
    r"|ROLLBACK\b(?!(?:\s+(?:WORK|TRANSACTION))?\s+TO\b))",
    re.IGNORECASE | re.DOTALL,
)
_HIDING: Final = re.compile(
    _BLANKS + r"(?:CALL|EXECUTE|BEGIN\s+NOT|SET\s+STATEMENT|ANALYZE|CACHE|CHECK|OPTIMIZE|REPAIR)\b",
    re.IGNORECASE | re.DOTALL,
)


def ends_transaction(statement: str) -> bool:
    """Tell whether a statement commits or rolls back, or is one of MySQL that does so unsaid."""
    return _ENDING.match(statement) is not None


def may_hide_commit(statement: str) -> bool:
    """Tell whether a statement of MySQL calls something, or commits and answers with rows.

    See Also:
        https://dev.mysql.com/doc/refman/8.4/en/implicit-commit.html
    """
    return _HIDING.match(statement) is not None
