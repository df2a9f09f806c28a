"""After a failover the pool still holds connections to the demoted writer, which answers pings."""

from typing import TYPE_CHECKING

from saigon.orm._errors import error_kind
from saigon.orm._transactions.watch import unit_of

if TYPE_CHECKING:
    from sqlalchemy.engine import ExceptionContext

__all__ = ["leave_demoted_writer"]


def leave_demoted_writer(context: "ExceptionContext") -> None:
    """Take a refusal to write for a lost connection: the next one asks who is the writer now.

    The older connections of the pool go with it. In a read-only block nobody expected to write.

    See Also:
        https://docs.sqlalchemy.org/en/20/core/events.html#sqlalchemy.events.DialectEvents.handle_error
    """
    connection = context.connection
    if connection is None or error_kind(context.original_exception) != "read_only":
        return
    unit = unit_of(connection)
    if unit is None or not unit.read_only:
        context.is_disconnect = True
