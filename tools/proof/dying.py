"""What surrounds a forwarder in a worker that may have to die."""

import os
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from saigon.aws.sqs import RowCounts, TableStatementBuilder
from saigon.orm.connection import DbConnector
from tools.proof.plan import Point
from tools.proof.warrants import Warrants

__all__ = ["DyingClient", "DyingTableBuilder", "Fate"]


class Fate:
    """Kills the process at a point for which a warrant is there."""

    def __init__(self, warrants: Warrants) -> None:
        self._warrants = warrants

    def pass_by(self, point: Point) -> None:
        """Go on living, or end it."""
        if self._warrants.serve(point):
            os.kill(os.getpid(), signal.SIGKILL)


class DyingClient:
    """A client of SQS around whose answers a worker dies."""

    def __init__(self, client: Any, fate: Fate) -> None:
        self._client = client
        self._fate = fate

    def receive_message(self, **request: Any) -> Any:
        """Die with messages in hand."""
        answer = self._client.receive_message(**request)
        if answer.get("Messages"):
            self._fate.pass_by("received")
        return answer

    def delete_message_batch(self, **request: Any) -> Any:
        """Die before the delete, or after it."""
        self._fate.pass_by("committed")
        answer = self._client.delete_message_batch(**request)
        self._fate.pass_by("half deleted")
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class DyingTableBuilder(TableStatementBuilder):
    """The table's own builder, in whose transaction a worker dies."""

    fate: Fate

    def write_rows(self, db_connector: DbConnector, rows: Sequence[Mapping[str, Any]]) -> RowCounts:
        """Die when the rows are written and not committed."""
        counts = super().write_rows(db_connector, rows)
        self.fate.pass_by("inserted")
        return counts
