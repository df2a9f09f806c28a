"""How a transaction begins on MySQL: by itself, or by statements where the session is shared."""

from contextlib import closing
from typing import Any, Final

from sqlalchemy import Connection, Engine, event

from saigon.orm._transactions.unit import IsolationLevel

__all__ = ["plan_begin", "prepare_begin"]

_BEGIN: Final = "saigon_mysql_begin"
_PROXIED_OPTION: Final = "saigon_mysql_proxied"
_START: Final = "START TRANSACTION"


def prepare_begin(engine: Engine, *, proxied: bool) -> None:
    """Let an engine begin its transactions as ``plan_begin`` says.

    The driver turns off autocommit for the session; behind a proxy it may not, and each
    transaction is begun by a statement.
    """
    usual = (_START,) if proxied else ()

    def do_begin(connection: Any) -> None:
        for statement in connection.info.pop(_BEGIN, usual):
            with closing(connection.cursor()) as cursor:
                cursor.execute(statement)

    engine.update_execution_options(**{_PROXIED_OPTION: proxied})
    dialect: Any = engine.dialect
    dialect.do_begin = do_begin
    if not proxied:
        event.listen(engine, "checkout", _turn_off_autocommit)


def _turn_off_autocommit(connection: Any, record: Any, _proxy: Any) -> None:
    # By hand it is turned on for the session, which would keep half of each later block.
    if record.driver_connection.get_autocommit():
        connection.autocommit(False)  # noqa: FBT003  # the driver's signature


def plan_begin(
    connection: Connection, isolation: IsolationLevel | None, *, read_only: bool
) -> dict[str, Any]:
    """Say how the connection's next transaction begins, and return the execution options for it.

    See Also:
        https://dev.mysql.com/doc/refman/8.4/en/set-transaction.html
    """
    start = (f"{_START} READ ONLY",) if read_only else ()
    if not connection.get_execution_options()[_PROXIED_OPTION]:
        connection.info[_BEGIN] = start
        return {} if isolation is None else {"isolation_level": isolation}
    # Of the next transaction only; what the session has anyway needs no words.
    differs = isolation not in {None, connection.dialect.default_isolation_level}
    level_statement = (f"SET TRANSACTION ISOLATION LEVEL {isolation}",) if differs else ()
    connection.info[_BEGIN] = level_statement + (start or (_START,))
    return {}
