"""Connections, statements, transactions and pages: what a service needs from its database."""

from saigon.orm._async_connector import AsyncDbConnector
from saigon.orm._connector import DbConnector
from saigon.orm._rows.results import ExecuteResult, Parameters
from saigon.orm._transactions.transaction import AsyncTransaction, Transaction, transaction_context
from saigon.orm._transactions.transactional import transactional
from saigon.orm._transactions.unit import IsolationLevel
from saigon.orm.exceptions import DbExecutionError
from saigon.orm.manager import AbstractAsyncDbManager, AbstractDbManager

__all__ = [
    "AbstractAsyncDbManager",
    "AbstractDbManager",
    "AsyncDbConnector",
    "AsyncTransaction",
    "DbConnector",
    "DbExecutionError",
    "ExecuteResult",
    "IsolationLevel",
    "Parameters",
    "Transaction",
    "transaction_context",
    "transactional",
]
