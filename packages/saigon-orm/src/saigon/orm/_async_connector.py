"""The database as one object for asyncio: the same as for threads, awaited."""


class AsyncDbConnector:
    """Placeholder while it is built."""
