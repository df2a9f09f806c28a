"""Why a transaction must not be committed any more."""

from dataclasses import dataclass

from saigon.orm.exceptions import DbExecutionError, SaigonOrmError

__all__ = ["Abort"]


@dataclass(slots=True)
class Abort:
    """What ended the transaction's hope of a commit, and how deep in savepoints."""

    cause: BaseException
    depth: int
    by_server: bool
    """It is the server that refuses to go on, until something rolls back to a savepoint."""

    def widen(self, depth: int, *, by_server: bool) -> None:
        """Note another cause, beside the first one."""
        self.depth = min(self.depth, depth)
        self.by_server = self.by_server and by_server

    def error(self) -> DbExecutionError:
        """Return what is raised for whatever is asked of the transaction from now on."""
        error = DbExecutionError(
            "the transaction was aborted earlier and can only be rolled back: "
            + _summary(self.cause),
            kind="aborted",
            sqlstate=getattr(self.cause, "sqlstate", None),
            error_code=getattr(self.cause, "error_code", None),
            constraint=getattr(self.cause, "constraint", None),
            retryable=getattr(self.cause, "retryable", False),
        )
        error.__cause__ = self.cause
        return error


def _summary(cause: BaseException) -> str:
    # Foreign texts may hold values.
    return str(cause) if isinstance(cause, SaigonOrmError) else type(cause).__name__
