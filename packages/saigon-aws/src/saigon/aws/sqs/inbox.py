"""An inbox: which messages had their effect, for statements that would have it twice."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Column, DateTime, Index, MetaData, Table, delete, func, select

from saigon.aws.sqs._database.own_tables import check_columns, ddl_of, digest, exact_text
from saigon.aws.sqs._database.verdict import forwarder_error
from saigon.aws.sqs.exceptions import ForwarderConfigError
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import DbExecutionError

__all__ = ["Inbox", "inbox_ddl", "inbox_table"]

_CHUNK: Final = 250  # of which a statement stays below what pins a session of RDS Proxy
_CONSUMER_LENGTH: Final = 255
_SQS_RETENTION: Final = timedelta(days=14)
# In the queue, in a FIFO dead-letter queue, and in the queue again once it is redriven.
_LONGEST_LIFE: Final = 3 * _SQS_RETENTION


def inbox_table(
    metadata: MetaData, name: str = "saigon_inbox", *, schema: str | None = None
) -> Table:
    """Return the inbox's table, for migrations; nothing is created.

    It holds digests of keys, and of no message a word.
    """
    return Table(
        name,
        metadata,
        Column("digest", digest(32), primary_key=True),
        Column("consumer", exact_text(_CONSUMER_LENGTH), nullable=False),
        Column("claim", digest(16), nullable=False),
        Column(
            "claimed_at",
            DateTime(timezone=True),
            nullable=False,
            server_default=func.current_timestamp(),
        ),
        Index(f"ix_{name}_claimed_at", "claimed_at"),
        schema=schema,
        mysql_engine="InnoDB",
    )


def inbox_ddl(dialect_name: str, name: str = "saigon_inbox", *, schema: str | None = None) -> str:
    """Return the inbox's table as SQL of ``postgresql``, ``mysql`` (MariaDB too) or ``sqlite``.

    Raises:
        ForwarderConfigError: There is no such dialect.
    """
    return ddl_of(inbox_table(MetaData(), name, schema=schema), dialect_name)


class Inbox:
    """Remembers which messages had their effect, in the transaction that they have it in.

    Given to a forwarder as its ``key``, it lets statements in that are not idempotent, such as
    ``UPDATE account SET balance = balance + :amount``: the statement of a message that is in the
    inbox is not executed again. With a table as target each message is plainly inserted, once.

    Args:
        table: The table, as of ``inbox_table``, in the database of the forwarder.
        key: The fields of the model that tell messages apart, or a function of the message that
            returns a text. None takes the MessageId, which is weak: a producer that sends again,
            and a redrive from a dead-letter queue, give the same message another one.
        consumer: Whose messages these are: the same key of another consumer is another message.
            By default the queue, by its region, account and name, whatever forwards from it.
        retention: The longest time between a message's effect and its last copy. SQS keeps one
            for 14 days at most, a FIFO dead-letter queue 14 days more, and a redrive sets it back
            to its beginning: 42 days. Give less where the queues that share the table keep less.

    Raises:
        ForwarderConfigError: The table is not an inbox, or the name of the consumer is too long.

    See Also:
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
    """

    def __init__(
        self,
        table: Table,
        *,
        key: str | Sequence[str] | Callable[[Any], str] | None = None,
        consumer: str | None = None,
        retention: timedelta = _LONGEST_LIFE,
    ) -> None:
        check_columns(table, inbox_table(MetaData()))
        if consumer is not None and not 0 < len(consumer) <= _CONSUMER_LENGTH:
            raise ForwarderConfigError(f"expected a consumer of 1 to {_CONSUMER_LENGTH} characters")
        self.table = table
        self.key = key
        self.consumer = consumer
        self.retention = retention

    def purge(self, connector: DbConnector, older_than: timedelta) -> int:
        """Delete old rows, of all consumers of the table, and return how many there were.

        A copy of such a message that came yet would have its effect again. The rows go 250 in a
        transaction, by the database's clock.

        Raises:
            ForwarderConfigError: That is less than the retention.
            DatabaseUnavailableError: The database can not be written to now.
            StatementRefusedError: The database does not know or permit it.
            saigon.orm.exceptions.TransactionUsageError: A transaction is open around the call.
        """
        if older_than < self.retention:
            raise ForwarderConfigError(
                f"expected older_than of the retention, {self.retention}, or more, "
                f"got {older_than}: copies of those messages may still come"
            )
        try:
            return self._purge(connector, older_than)
        except DbExecutionError as error:
            raise forwarder_error(error, connector.dialect_name) from error

    def _purge(self, connector: DbConnector, older_than: timedelta) -> int:
        columns = self.table.columns
        before = connector.fetch_scalar(select(func.current_timestamp())) - older_than
        is_old = columns["claimed_at"] < before

        def purge_some(_transaction: object) -> int:
            old = select(columns["digest"]).where(is_old).limit(_CHUNK)
            digests = [row[0] for row in connector.fetch_all(old)]
            rest = delete(self.table).where(columns["digest"].in_(digests), is_old)
            return connector.execute(rest).rowcount if digests else 0

        total = 0
        while deleted := connector.run_in_transaction(purge_some, retries=3):
            total += deleted
        return total
