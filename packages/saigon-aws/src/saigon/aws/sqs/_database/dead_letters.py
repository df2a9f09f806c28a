"""Decide where bad messages go, and copy those that are not left to SQS."""

import logging
import threading
from collections.abc import Callable
from typing import TypeAlias

from sqlalchemy import Table

from saigon.aws.sqs._database.dead_letter_writer import DeadLetterWriter
from saigon.aws.sqs._database.verdict import LOGIN_ERRORS
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs._sqs.queue import SqsQueue
from saigon.aws.sqs._sqs.url import queue_id
from saigon.aws.sqs.config import ForwarderConfig
from saigon.aws.sqs.exceptions import ForwarderConfigError, QueueError
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import DbExecutionError

_log = logging.getLogger(__name__)

Copy: TypeAlias = Callable[[ReceivedMessage, str], None]
"""Copies a bad message with the reason, or raises."""


class DeadLetters:
    """What becomes of the bad messages of a queue.

    Args:
        queue: The queue, whose redrive policy is asked for once.
        config: How often a bad message is received before it is copied in spite of a policy.
        copy: Copies one; None leaves all of them to SQS.
    """

    def __init__(self, queue: SqsQueue, config: ForwarderConfig, copy: Copy | None) -> None:
        self._queue = queue
        self._copy = copy
        self._max_attempts = config.max_attempts
        self._redrives: bool | None = None
        self._asking = threading.Lock()

    def require(self) -> None:
        """Refuse to work on a queue whose bad messages would have nowhere to go.

        Raises:
            ForwarderConfigError: There is neither a redrive policy nor a place for dead letters,
                or asking for the policy is denied and no place was given.
        """
        if self._copy is None and not self._queue_redrives():
            self._redrives = None  # so that a policy that is set meanwhile is found
            raise ForwarderConfigError(
                f"queue {self._queue.name} has no redrive policy that could be read "
                "(sqs:GetQueueAttributes): set one, or give dead_letter="
            )

    def take(self, message: ReceivedMessage, reason: str) -> bool:
        """Copy a bad message if it is not to be left to SQS; tell whether a copy was made."""
        if self._copy is None:
            return False
        try:
            if not self._is_ours(message):
                return False
            self._copy(message, reason)
        except (QueueError, DbExecutionError, *LOGIN_ERRORS) as error:
            _log.error("message %s was not dead-lettered: %s", message.message_id, error)
            return False
        return True

    def _is_ours(self, message: ReceivedMessage) -> bool:
        if self._max_attempts is not None:
            return message.receive_count >= self._max_attempts
        return not self._queue_redrives()

    def _queue_redrives(self) -> bool:
        with self._asking:
            if self._redrives is None:
                self._redrives = self._queue.has_redrive_policy()
            return self._redrives


def copier(dead_letter: str | Table | None, queue: SqsQueue, connector: DbConnector) -> Copy | None:
    """Return what copies bad messages of a queue to another one, or into a table.

    Raises:
        ForwarderConfigError: It is the queue itself, or a table that can not hold them.
    """
    if dead_letter is None:
        return None
    source = queue_id(queue.url)
    if isinstance(dead_letter, Table):
        return DeadLetterWriter(dead_letter, connector, source)
    url = dead_letter
    if queue_id(url) == source:
        raise ForwarderConfigError("the dead-letter queue is the queue itself")
    return lambda message, reason: queue.copy_to(url, message, reason)
