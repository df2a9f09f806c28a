"""The tables that a manager has read from its database."""

import threading

from sqlalchemy import MetaData, Table

__all__ = ["ReflectedTables"]


class ReflectedTables:
    """Tables for any number of threads and event loops, each the same object for all.

    The lock is not held while the database is asked, so that who waits for it holds up nobody.
    """

    def __init__(self, schema: str | None) -> None:
        self.schema = schema
        """Where they are, if not in the default schema."""
        self._metadata = MetaData()
        self._lock = threading.Lock()

    def get(self, name: str) -> Table | None:
        """Return a table that was read before."""
        with self._lock:  # a table is in its MetaData before it is complete
            return self._metadata.tables.get(self._key(name))

    def add(self, name: str, read: MetaData) -> Table:
        """Keep what was read, unless somebody else has read it meanwhile; return the table."""
        with self._lock:
            for key, table in read.tables.items():
                if key not in self._metadata.tables:
                    table.to_metadata(self._metadata)
            return self._metadata.tables[self._key(name)]

    def _key(self, name: str) -> str:
        return name if self.schema is None else f"{self.schema}.{name}"
