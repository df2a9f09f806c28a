"""What is noticed on a connection while it serves a unit of work."""

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, event

from saigon.orm._errors import execution_error, refused_value
from saigon.orm._transactions.statements import ends_transaction, may_hide_commit
from saigon.orm._transactions.unit import UnitOfWork
from saigon.orm.exceptions import TransactionUsageError

if TYPE_CHECKING:
    from sqlalchemy.engine import ExceptionContext

__all__ = ["UNIT_OPTION", "unit_of", "watch", "watched"]

UNIT_OPTION: Final = "saigon_unit_of_work"
_FOR_BLOCKS: Final = "saigon_engine_for_blocks"
_ENDINGS: Final = frozenset({b"COMMIT", b"ROLLBACK", b"PREPARE TRANSACTION"})


def watch(engine: Engine) -> None:
    """Tell the units of work of an engine what happens on their connections."""
    event.listen(engine, "handle_error", _note_error)
    event.listen(engine, "handle_error", refused_value)
    # An engine with the same pool: calls outside a block do not pay for what is noticed in one.
    for_blocks = engine.execution_options(saigon_watched=True)
    event.listen(for_blocks, "before_cursor_execute", _before_statement)
    event.listen(for_blocks, "after_cursor_execute", _after_statement)
    event.listen(for_blocks, "commit", _refuse_commit)
    event.listen(for_blocks, "rollback", _note_rollback)
    engine.update_execution_options(**{_FOR_BLOCKS: for_blocks})


def watched(engine: Engine) -> Engine:
    """Return the engine for the connections of units of work."""
    for_blocks: Engine = engine.get_execution_options()[_FOR_BLOCKS]
    return for_blocks


def unit_of(connection: Connection) -> UnitOfWork | None:
    """Return the unit of work that a connection was taken for."""
    unit: UnitOfWork | None = connection.get_execution_options().get(UNIT_OPTION)
    return unit


def _note_error(context: "ExceptionContext") -> None:
    connection, error = context.connection, context.sqlalchemy_exception
    unit = None if connection is None else unit_of(connection)
    if unit is None:
        return
    if error is None:
        if context.is_disconnect:  # a cancellation has cost the connection
            unit.abort(context.original_exception, depth=0)
        return
    cause = execution_error(error)
    cause.__cause__ = context.original_exception
    if context.is_disconnect:
        unit.abort(cause, depth=0)
    else:
        unit.check_damage(cause)


def _before_statement(
    connection: Connection, _cursor: object, statement: str, *_others: object
) -> None:
    unit = unit_of(connection)
    if unit is None:
        return
    unit.check_place()  # whoever was handed the connection is held to it too
    if ends_transaction(statement):
        raise TransactionUsageError(
            "a block begins and ends its transaction itself: leave the block to commit, raise to "
            "roll back"
        )
    if unit.pulse.had_stopped():
        unit.note_end()
    if connection.dialect.name in {"mysql", "mariadb"} and may_hide_commit(statement):
        unit.pulse.set_mark()


def _after_statement(connection: Connection, cursor: Any, *_others: object) -> None:
    unit = unit_of(connection)
    if unit is None:
        return
    if unit.pulse.has_stopped() or _has_ended_inside(cursor):
        unit.note_end()


def _has_ended_inside(cursor: Any) -> bool:
    """Look at several statements in one text: psycopg keeps a result of each."""
    results = getattr(getattr(cursor, "_cursor", cursor), "_results", ())
    return len(results) > 1 and any(result.command_status in _ENDINGS for result in results)


def _refuse_commit(connection: Connection) -> None:
    unit = unit_of(connection)
    if unit is not None and not unit.is_ending:
        unit.note_end()
        raise TransactionUsageError("a block commits at its end, not by hand inside it")


def _note_rollback(connection: Connection) -> None:
    unit = unit_of(connection)
    if unit is not None:
        unit.note_end()
