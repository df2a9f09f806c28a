"""Database connections, transactions, reflection and keyset pagination on SQLAlchemy."""

__version__ = "0.1.0"
