"""The forwarder: from an SQS queue into a relational database, each key with one effect."""

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy import Table

from saigon.aws.sqs._database.batch import BatchReader
from saigon.aws.sqs._database.dead_letters import DeadLetters, copier
from saigon.aws.sqs._database.target import builder_for, inbox_key_for, key_of, writer_for
from saigon.aws.sqs._database.writer import BatchWriter
from saigon.aws.sqs._lambda import handle_event
from saigon.aws.sqs._message.parser import MessageParser
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs._pipeline import OUTAGES, REFUSALS, ForwarderHook, Pipeline
from saigon.aws.sqs._signals import stopping_on_signals
from saigon.aws.sqs._sqs.queue import SqsQueue
from saigon.aws.sqs._sqs.settler import Settler
from saigon.aws.sqs._worker.buffer import RECEIVE
from saigon.aws.sqs._worker.heartbeat import Heartbeat
from saigon.aws.sqs._worker.worker import Worker
from saigon.aws.sqs.builders import SqlStatementBuilder
from saigon.aws.sqs.config import ForwarderConfig, OnConflict
from saigon.aws.sqs.exceptions import ForwarderConfigError, MessageRejectedError
from saigon.aws.sqs.inbox import Inbox
from saigon.aws.sqs.results import ForwardResult, RowCounts
from saigon.orm.connection import DbConnector

__all__ = ["SqsToRdsForwarder"]

ModelT = TypeVar("ModelT", bound=BaseModel)

_DEFAULT_CONFIG = ForwarderConfig()


class SqsToRdsForwarder(Generic[ModelT]):
    """Stores the messages of a queue as rows, once per key however often they are delivered.

    Nothing is asked of AWS or of the database when it is made; the message type is compared with
    the target, and what could lose or double messages is refused.

    Args:
        message_type: The model of a message.
        sqs_queue_url: The queue's URL; one that ends in ``.fifo`` is worked on in its order.
        db_connector: The database.
        target: The table, or a builder of statements.
        key: The column or columns that tell messages apart; by default the table's primary key
            where that is one column and a field of the model. An inbox, for statements that
            would have their effect twice.
        on_conflict: What happens to a message whose key is stored already.
        newer_by: With UPDATE, the column by which the newer row wins: a version or a time.
        dead_letter: The URL of a queue for bad messages, or a table of the database as of
            ``dead_letter_table``; used where the queue has no redrive policy or
            ``config.max_attempts`` is reached. Without a policy it is required.
        sqs_client: A boto3 client; by default one is made for the queue's region at first use.
        config: Batches, waits and retries.
        hooks: Called with the result of each batch; what they raise changes nothing.

    Raises:
        ForwarderConfigError: The model does not fit the table or the inbox, there is no key, or
            dead letters have no place there.
    """

    def __init__(
        self,
        message_type: type[ModelT],
        sqs_queue_url: str,
        db_connector: DbConnector,
        target: Table | SqlStatementBuilder[ModelT],
        *,
        key: str | Sequence[str] | Inbox | None = None,
        on_conflict: OnConflict = OnConflict.IGNORE,
        newer_by: str | None = None,
        dead_letter: str | Table | None = None,
        sqs_client: Any = None,
        config: ForwarderConfig = _DEFAULT_CONFIG,
        hooks: Sequence[ForwarderHook] = (),
    ) -> None:
        queue = SqsQueue(
            sqs_queue_url,
            sqs_client,
            wait_seconds=config.wait_seconds,
            connections=2 * config.concurrency + 1,
        )
        builder = builder_for(
            target,
            message_type,
            key=key,
            on_conflict=on_conflict,
            newer_by=newer_by,
            dialect_name=db_connector.dialect_name,
            is_fifo=queue.is_fifo,
        )
        dead_letters = DeadLetters(queue, config, copier(dead_letter, queue, db_connector))
        self._pipeline = Pipeline(
            queue=queue,
            connector=db_connector,
            reader=BatchReader(
                MessageParser(message_type, config),
                builder,
                key_of(builder, key),
                is_fifo=queue.is_fifo,
                inbox_key=inbox_key_for(key, message_type, sqs_queue_url),
            ),
            writer=BatchWriter(
                db_connector,
                writer_for(builder, message_type, key, sqs_queue_url),
                attempts=config.transaction_attempts,
                backoff=config.backoff_seconds,
            ),
            dead_letters=dead_letters,
            settler=Settler(queue, dead_letters, config),
            config=config,
            hooks=tuple(hooks),
        )

    def forward_message(self, body_json: str | bytes) -> RowCounts:
        """Store one message in one transaction; the queue is not asked.

        Raises:
            MessageRejectedError: It is not the model, or the database refused its row.
            DatabaseUnavailableError: The database can not be written to now.
            StatementRefusedError: The database does not know or permit the statement.
            PayloadUnavailableError: S3 can not give its payload now.
            PayloadRefusedError: S3 does not permit its payload to be read.
            ForwarderConfigError: The inbox goes by the MessageId, which this message has not.
        """
        message = ReceivedMessage(message_id="", receipt_handle="", body=_text(body_json))
        outcome = self._pipeline.store([message])
        for _, reason in outcome.failed:
            raise MessageRejectedError(reason)
        return outcome.counts

    def forward(self, **receive_kwargs: Any) -> ForwardResult:
        """Receive once, store in one transaction, and delete what is stored.

        Args:
            receive_kwargs: Arguments of ReceiveMessage that are put over the forwarder's own,
                such as ``WaitTimeSeconds=0``.

        Raises:
            DatabaseUnavailableError: The database can not be written to now; the messages were
                given back.
            StatementRefusedError: The database does not know or permit the statement; likewise.
            PayloadUnavailableError: S3 can not give a payload now; likewise.
            PayloadRefusedError: S3 does not permit payloads to be read; likewise.
            ForwarderConfigError: Bad messages would have nowhere to go.
            QueueError: SQS refused or did not answer.
        """
        pipeline, config = self._pipeline, self._pipeline.config
        pipeline.dead_letters.require()
        options = {
            "MaxNumberOfMessages": min(RECEIVE, config.batch_size),
            "WaitTimeSeconds": config.wait_seconds,
            "VisibilityTimeout": config.visibility_timeout,
        } | receive_kwargs
        received = pipeline.queue.receive(None, **options)
        started = time.monotonic()
        visibility = options["VisibilityTimeout"] or config.visibility_timeout
        heartbeat = Heartbeat(pipeline.queue.hide, visibility)
        try:
            with heartbeat.holding(received):
                outcome = pipeline.store(received)
        except (*OUTAGES, *REFUSALS):
            pipeline.settler.release(received, config.retry_delay)
            raise
        return pipeline.report(pipeline.settler.settle(received, outcome), started)

    def run(
        self, stop: threading.Event | None = None, *, drain_timeout: float = 25
    ) -> ForwardResult:
        """Work on the queue until told to stop; return the counts of all batches.

        While the database is down nothing is received, and what is in flight is kept hidden, so
        that receive counts do not rise.

        Args:
            stop: Ends the run when it is set. The poll that is under way is waited for, up to
                ``config.wait_seconds``, and what it brings is stored and deleted. None stops at
                SIGTERM and SIGINT.
            drain_timeout: Seconds after the stop from which messages are given back unwritten.
                Polls are made no longer than that.

        Raises:
            StatementRefusedError: The database does not know or permit the statement, three times
                in a row.
            PayloadRefusedError: S3 does not permit payloads to be read, likewise.
            ForwarderConfigError: Bad messages would have nowhere to go, or the time-out is none.
            QueueError: SQS refused in a way that does not pass by itself.
        """
        if not drain_timeout >= 0:
            raise ForwarderConfigError("expected a drain_timeout of no less than nothing")
        with nullcontext(stop) if stop is not None else stopping_on_signals() as stopping:
            return Worker(self._pipeline, stopping, drain_timeout).run()

    def handle_lambda_event(
        self, event: Mapping[str, Any], context: Any
    ) -> dict[str, list[dict[str, str]]] | None:
        """Store the messages of a Lambda event in one transaction.

        When some failed, the others are committed, deleted with the event's handles, and the
        failure is raised, so that Lambda gives the failed ones back. With
        ``config.partial_responses`` the failed ids are returned instead.

        Args:
            event: The event of an SQS event source mapping.
            context: Lambda's context. What is not tried when its remaining time runs out counts as
                failed. May be None.

        Raises:
            FailedMessagesError: Messages failed and the others are committed.
            DatabaseUnavailableError: The database can not be written to now; the messages are
                hidden for ``config.outage_visibility`` seconds.
            PayloadUnavailableError: S3 can not give a payload now; likewise.
            StatementRefusedError: The database does not know or permit the statement.
            PayloadRefusedError: S3 does not permit payloads to be read.
            QueueError: SQS could not be asked for the queue's redrive policy.
            ForwarderConfigError: The event is not one of this queue.

        See Also:
            https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
        """
        return handle_event(self._pipeline, event, context)


def _text(body: str | bytes) -> str:
    try:
        return body if isinstance(body, str) else body.decode()
    except UnicodeDecodeError:
        reason = "the body is not UTF-8"
    # Outside of the block: the error quotes the body.
    raise MessageRejectedError(reason)
