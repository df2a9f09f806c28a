"""Connections, statements, transactions and pages: what a service needs from its database."""

from saigon.orm._connector import DbConnector
from saigon.orm._results import ExecuteResult, Parameters
from saigon.orm._retry import transactional
from saigon.orm._transaction import IsolationLevel, Transaction, transaction_context
from saigon.orm.exceptions import DbExecutionError
from saigon.orm.manager import AbstractDbManager

__all__ = [
    "AbstractDbManager",
    "DbConnector",
    "DbExecutionError",
    "ExecuteResult",
    "IsolationLevel",
    "Parameters",
    "Transaction",
    "transaction_context",
    "transactional",
]
