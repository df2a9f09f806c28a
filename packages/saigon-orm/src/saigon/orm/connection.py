"""Connections, statements, transactions and pages."""

from saigon.orm._connector import DbConnector, ExecuteResult, Parameters
from saigon.orm._transaction import IsolationLevel, Transaction, transaction_context
from saigon.orm.exceptions import DbExecutionError

__all__ = [
    "DbConnector",
    "DbExecutionError",
    "ExecuteResult",
    "IsolationLevel",
    "Parameters",
    "Transaction",
    "transaction_context",
]
