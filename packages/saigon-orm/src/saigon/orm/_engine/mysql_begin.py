"""How a transaction begins on MySQL: by itself, or by statements where the session is shared."""

from typing import Any, Final

from sqlalchemy import Connection, Engine, event

from saigon.orm._transactions.unit import IsolationLevel

__all__ = ["begin_options", "prepare_begin"]

_BEGIN_OPTION: Final = "saigon_mysql_begin"
_PROXIED_OPTION: Final = "saigon_mysql_proxied"
_START: Final = "START TRANSACTION"


def prepare_begin(engine: Engine, *, proxied: bool) -> None:
    """Let an engine begin its transactions as ``begin_options`` say.

    The driver turns off autocommit for the session; behind a proxy it may not, and each
    transaction is begun by a statement.
    """
    begin = (_START,) if proxied else ()
    engine.update_execution_options(**{_PROXIED_OPTION: proxied, _BEGIN_OPTION: begin})
    event.listen(engine, "begin", _on_begin)


def _on_begin(connection: Connection) -> None:
    for statement in connection.get_execution_options()[_BEGIN_OPTION]:
        connection.exec_driver_sql(statement)


def begin_options(
    connection: Connection, isolation: IsolationLevel | None, *, read_only: bool
) -> dict[str, Any]:
    """Return the execution options for a transaction with these properties.

    See Also:
        https://dev.mysql.com/doc/refman/8.4/en/set-transaction.html
    """
    start = (f"{_START} READ ONLY",) if read_only else ()
    if not connection.get_execution_options()[_PROXIED_OPTION]:
        level = {} if isolation is None else {"isolation_level": isolation}
        return {**level, _BEGIN_OPTION: start}
    # Of the next transaction only; what the session has anyway needs no words.
    differs = isolation not in {None, connection.dialect.default_isolation_level}
    level_statement = (f"SET TRANSACTION ISOLATION LEVEL {isolation}",) if differs else ()
    return {_BEGIN_OPTION: level_statement + (start or (_START,))}
