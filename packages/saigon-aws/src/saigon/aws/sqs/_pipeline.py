"""What a worker, a single call and Lambda do alike with the messages they have."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from saigon.aws.sqs._database.batch import Batch, BatchOutcome, BatchReader, outcome_of
from saigon.aws.sqs._database.dead_letters import DeadLetters
from saigon.aws.sqs._database.verdict import LOGIN_ERRORS, forwarder_error, login_error
from saigon.aws.sqs._database.writer import BatchWriter
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs._sqs.queue import SqsQueue
from saigon.aws.sqs._sqs.settler import Settler
from saigon.aws.sqs.config import ForwarderConfig
from saigon.aws.sqs.exceptions import (
    DatabaseUnavailableError,
    PayloadRefusedError,
    PayloadUnavailableError,
    StatementRefusedError,
)
from saigon.aws.sqs.results import ForwardResult
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import DbExecutionError

_log = logging.getLogger(__name__)

OUTAGES: Final = (DatabaseUnavailableError, PayloadUnavailableError)
"""What passes by itself."""
REFUSALS: Final = (StatementRefusedError, PayloadRefusedError)
"""What somebody has to mend, and no message is to blame for."""

ForwarderHook: TypeAlias = Callable[[ForwardResult], object]
"""Called after each batch with its result; what it raises is logged and changes nothing."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The parts of a forwarder, put together."""

    queue: SqsQueue
    connector: DbConnector
    reader: BatchReader[Any]
    writer: BatchWriter
    dead_letters: DeadLetters
    settler: Settler
    config: ForwarderConfig
    hooks: Sequence[ForwarderHook]

    def store(self, received: Sequence[ReceivedMessage]) -> BatchOutcome:
        """Parse and write deliveries; nothing of the queue changes."""
        return self.write(self.reader.read(received))

    def write(self, batch: Batch, *, deadline: float = float("inf")) -> BatchOutcome:
        """Write a batch in one transaction."""
        return outcome_of(batch, self.writer.write(batch.entries, deadline=deadline))

    def probe(self) -> None:
        """Ask the database whether it is there.

        Raises:
            DatabaseUnavailableError: It is not.
            StatementRefusedError: It lets nobody in, with this login for instance.
        """
        try:
            self.connector.ping()
        except DbExecutionError as error:
            raise forwarder_error(error, self.connector.dialect_name) from error
        except LOGIN_ERRORS as error:
            raise login_error(error) from error

    def report(self, result: ForwardResult, started: float) -> ForwardResult:
        """Log a batch's counts and tell the hooks; return the result with its duration."""
        result = result.took(time.monotonic() - started)
        _log.info(
            "received %s, inserted %s, duplicates %s, dead %s, retried %s, deleted %s in %.3f s",
            result.received,
            result.inserted,
            result.duplicates,
            result.dead,
            result.retried,
            result.deleted,
            result.seconds,
        )
        for hook in self.hooks:
            self._tell(hook, result)
        return result

    def _tell(self, hook: ForwarderHook, result: ForwardResult) -> None:
        try:
            hook(result)
        except Exception:  # noqa: BLE001  # a hook watches; it must not stop what it watches
            _log.warning("a hook failed", exc_info=True)
