"""From deliveries to entries that can be written, and back."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from saigon.aws.sqs._database.inbox_key import InboxKey
from saigon.aws.sqs._database.writer import Entry, Written
from saigon.aws.sqs._message.parser import BAD_VALUE, Content, MessageParser
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs._table.writing import Values, sorted_rows
from saigon.aws.sqs.builders import SqlStatementBuilder
from saigon.aws.sqs.exceptions import MessageRejectedError
from saigon.aws.sqs.results import RowCounts
from saigon.orm.exceptions import ModelMappingError

ModelT = TypeVar("ModelT", bound=BaseModel)

Failed = tuple[ReceivedMessage, str]


@dataclass(slots=True)
class Batch:
    """Deliveries, sorted into what can be written and what can not."""

    entries: list[Entry] = field(default_factory=list)
    rejected: list[Failed] = field(default_factory=list)
    held_back: list[ReceivedMessage] = field(default_factory=list)
    copies: dict[str, list[ReceivedMessage]] = field(default_factory=dict)

    def deliveries(self, message: ReceivedMessage) -> list[ReceivedMessage]:
        """Return all deliveries of a message in this batch."""
        return self.copies[message.message_id]


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of each delivery of a batch."""

    counts: RowCounts
    stored: list[ReceivedMessage]
    failed: list[Failed]
    """One of the deliveries of each bad message, the last one, whose handle is in force."""
    held_back: list[ReceivedMessage]


class BatchReader(Generic[ModelT]):
    """Turns deliveries into a batch."""

    def __init__(
        self,
        parser: MessageParser[ModelT],
        builder: SqlStatementBuilder[ModelT],
        key: tuple[str, ...],
        *,
        is_fifo: bool,
        inbox_key: InboxKey | None = None,
    ) -> None:
        self._parser = parser
        self._builder = builder
        self._key = key
        self._is_fifo = is_fifo
        self._inbox_key = inbox_key

    def read(
        self, deliveries: Sequence[ReceivedMessage], *, deadline: float = float("inf")
    ) -> Batch:
        """Parse the messages, each once; in a FIFO group, none after the first bad one.

        What was not parsed by the deadline, a monotonic time, is held back.
        """
        batch = Batch()
        bad_groups: set[str | None] = set()
        is_late = False
        messages = _once_each(deliveries, batch.copies)
        contents = self._parser.contents(messages, deadline=deadline)
        for message, content in zip(messages, contents, strict=True):
            group = (message.group_id or "") if self._is_fifo else None
            is_late = is_late or time.monotonic() > deadline
            if content is None or group in bad_groups or is_late:
                is_late = is_late or content is None
                batch.held_back.append(message)
                continue
            try:
                batch.entries.append(self._entry(message, group, content))
            except MessageRejectedError as error:
                batch.rejected.append((message, str(error)))
                bad_groups |= {group} - {None}
        if not self._is_fifo:
            batch.entries.sort(key=self._order)
        return batch

    def _entry(self, message: ReceivedMessage, group: str | None, content: Content) -> Entry:
        parsed = self._parser.parse(content)
        rows = self._rows(parsed)
        if self._inbox_key is None:
            return Entry(message, group, rows)
        return Entry(message, group, rows, self._inbox_key.digest(message, parsed))

    def _rows(self, message: ModelT) -> tuple[Values, ...]:
        try:
            params: Any = self._builder.get_statement_params(message)
            is_one = type(params) is dict or isinstance(params, Mapping)
            return self._checked((params,) if is_one else tuple(params))
        except ModelMappingError as error:
            reason = str(error)
        except BAD_VALUE as error:
            reason = f"the statement builder refused the message: {type(error).__name__}"
        raise MessageRejectedError(reason)

    def _checked(self, rows: tuple[Values, ...]) -> tuple[Values, ...]:
        for row in rows:
            for name in self._key:
                if row.get(name) is None:
                    raise MessageRejectedError(f"a row lacks its key: {', '.join(self._key)}")
        return rows

    def _order(self, entry: Entry) -> list[str]:
        rows = entry.rows if len(entry.rows) == 1 else sorted_rows(entry.rows, self._key)
        return [str(rows[0].get(name)) for name in self._key] if rows else []


def outcome_of(batch: Batch, written: Written) -> BatchOutcome:
    """Return what became of the deliveries of a batch that was written."""
    failed = [*batch.rejected, *((entry.message, reason) for entry, reason in written.failed)]
    stored = _all(batch, (entry.message for entry in written.stored))
    second = len(stored) - len(written.stored)
    held_back = [*(entry.message for entry in written.held_back), *batch.held_back]
    return BatchOutcome(
        counts=written.counts + RowCounts(duplicates=second),
        stored=stored,
        failed=[(batch.deliveries(message)[-1], reason) for message, reason in failed],
        held_back=_all(batch, held_back),
    )


def _once_each(
    deliveries: Iterable[ReceivedMessage], copies: dict[str, list[ReceivedMessage]]
) -> list[ReceivedMessage]:
    for message in deliveries:
        copies.setdefault(message.message_id, []).append(message)
    return [found[0] for found in copies.values()]


def _all(batch: Batch, messages: Iterable[ReceivedMessage]) -> list[ReceivedMessage]:
    return [delivery for message in messages for delivery in batch.deliveries(message)]
