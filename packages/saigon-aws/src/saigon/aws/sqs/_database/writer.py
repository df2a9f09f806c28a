"""Write a batch in one transaction, and find the messages that spoil it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from sqlalchemy import literal, select, text

from saigon.aws.sqs._backoff import pause
from saigon.aws.sqs._database.verdict import (
    LOGIN_ERRORS,
    Verdict,
    forwarder_error,
    login_error,
    verdict_on,
)
from saigon.aws.sqs._message.received import ReceivedMessage
from saigon.aws.sqs._table.clash import UniqueClashError
from saigon.aws.sqs._table.writing import Values
from saigon.aws.sqs.exceptions import ForwarderError, MessageRejectedError
from saigon.aws.sqs.results import RowCounts
from saigon.orm.connection import DbConnector, transaction_context
from saigon.orm.exceptions import DbExecutionError, ModelMappingError, TransactionUsageError

ROW_ERRORS: Final = (DbExecutionError, MessageRejectedError, ModelMappingError)
_SOME_BAD: Final = 4
_SOME_SLOW: Final = 3  # so many of a batch are waited for
_BAD_SHARE: Final = 8  # from one bad message in so many on, they are tried one by one


@dataclass(frozen=True, slots=True)
class Entry:
    """A message and its rows, which are stored together or not at all."""

    message: ReceivedMessage
    group: str | None
    """The group of a FIFO queue; None on a standard queue, where there is no order to keep."""
    rows: tuple[Values, ...] = field(repr=False)
    digest: bytes = field(default=b"", repr=False)
    """What tells the message apart in an inbox; nothing without one."""


class EntriesWriter(Protocol):
    """Writes entries in the open transaction."""

    def __call__(self, db_connector: DbConnector, entries: Sequence[Entry], /) -> RowCounts:
        """Write all of the entries or none."""
        ...


@dataclass(slots=True)
class Written:
    """What became of the entries of a batch."""

    counts: RowCounts = field(default_factory=RowCounts)
    stored: list[Entry] = field(default_factory=list)
    failed: list[tuple[Entry, str]] = field(default_factory=list)
    held_back: list[Entry] = field(default_factory=list)


class BatchWriter:
    """Writes batches, each in one transaction that is tried again where that helps."""

    def __init__(
        self,
        connector: DbConnector,
        write_entries: EntriesWriter,
        *,
        attempts: int,
        backoff: float,
    ) -> None:
        self._connector = connector
        self._write_entries = write_entries
        self._attempts = attempts
        self._backoff = backoff

    def write(self, entries: Sequence[Entry], *, deadline: float = float("inf")) -> Written:
        """Store what can be stored, and tell what can not.

        Args:
            entries: The batch. Of a FIFO group nothing is stored after its first bad message.
            deadline: The monotonic time after which nothing more is tried. What was not tried
                by then is held back, and the rest committed.

        Raises:
            DatabaseUnavailableError: Nothing is known to be stored; the same may succeed later.
            StatementRefusedError: Nothing is stored, and no message is to blame.
            ForwarderError: A transaction of the same database is open around the call.
        """
        self._refuse_open_transaction()
        if not entries or time.monotonic() > deadline:
            return Written(held_back=list(entries))
        try:
            try:
                return self._write_patiently(entries, deadline)
            except DbExecutionError as error:
                if len(entries) == 1 or not _is_slow(error):
                    raise
                written = self._write_all_but_slow(entries, deadline)
                if not written.stored:
                    raise
                return written
        except DbExecutionError as error:
            raise forwarder_error(error, self._connector.dialect_name) from error
        except LOGIN_ERRORS as error:
            raise login_error(error) from error

    def _write_patiently(self, entries: Sequence[Entry], deadline: float) -> Written:
        for attempt in range(self._attempts):
            try:
                return self._write_once(entries, deadline)
            except DbExecutionError as error:
                seconds = pause(self._backoff, attempt)
                is_last = attempt + 1 == self._attempts or time.monotonic() + seconds > deadline
                if is_last or self._verdict(error) is not Verdict.RETRY:
                    raise
            time.sleep(seconds)
        raise AssertionError("unreachable")  # pragma: no cover

    def _write_once(self, entries: Sequence[Entry], deadline: float) -> Written:
        # What only the commit finds, as a deferred constraint does, is then looked for earlier.
        for write_entries in self._writers():
            search = _Search(self._connector, write_entries, deadline)
            try:
                with transaction_context(self._connector):
                    search.write(entries)
                    search.retry_orphans()
            except DbExecutionError as error:
                if self._verdict(error) is not Verdict.BAD_MESSAGE:
                    raise
            else:
                return search.written
        return self._write_singly(entries, deadline)

    def _writers(self) -> Sequence[EntriesWriter]:
        if self._connector.dialect_name != "postgresql":
            return [self._write_entries]
        return [self._write_entries, self._write_checked]

    def _write_checked(self, connector: DbConnector, entries: Sequence[Entry], /) -> RowCounts:
        counts = self._write_entries(connector, entries)
        for mode in ("IMMEDIATE", "DEFERRED"):
            connector.execute(text(f"SET CONSTRAINTS ALL {mode}"))
        return counts

    def _refuse_open_transaction(self) -> None:
        # Messages would be deleted before that transaction commits. Outside of one this raises
        # without asking the database.
        with suppress(TransactionUsageError):
            self._connector.execute(select(literal(1)), require_transaction=True)
            raise ForwarderError("called inside an open transaction, which could still roll back")

    def _write_singly(self, entries: Sequence[Entry], deadline: float) -> Written:
        search = _Search(self._connector, self._write_entries, deadline)
        for entry in entries:
            search.write_alone(entry)
        return search.written

    def _write_all_but_slow(self, entries: Sequence[Entry], deadline: float) -> Written:
        """Write each entry alone, and hold back those that take too long.

        Raises:
            DbExecutionError: No message is to blame.
        """
        search = _Search(self._connector, self._write_entries, deadline)
        slow = 0
        for entry in entries:
            if slow == _SOME_SLOW:
                search.hold_back(entry)
                continue
            try:
                search.write_alone(entry)
            except DbExecutionError as error:
                if not _is_slow(error):
                    raise
                search.hold_back(entry)
                slow += 1
        return search.written

    def _verdict(self, error: DbExecutionError) -> Verdict:
        return verdict_on(error, self._connector.dialect_name)


@dataclass(frozen=True, slots=True, eq=False)
class _Orphan:
    """An entry that may only have come too early."""

    entry: Entry
    reason: str
    stored_before: int


class _Search:
    """One attempt at a batch: bisects at savepoints until the bad messages are alone."""

    def __init__(
        self, connector: DbConnector, write_entries: EntriesWriter, deadline: float
    ) -> None:
        self.written = Written()
        self._connector = connector
        self._write_entries = write_entries
        self._deadline = deadline
        self._bad_groups: set[str] = set()
        self._orphans: list[_Orphan] = []

    def write(self, entries: Sequence[Entry]) -> None:
        """Write what can be written of the entries, in their order."""
        entries = self._due(entries)
        if not entries:
            return
        try:
            with transaction_context(self._connector, savepoint=True):
                counts = self._write_entries(self._connector, entries)
        except ROW_ERRORS as error:
            reason = self._reason(error)
            if len(entries) == 1:
                self._fail(entries[0], reason, may_be_order=_may_be_order(error))
                return
        else:
            self._store(entries, counts)
            return
        for part in self._parts(entries):
            self.write(part)

    def write_alone(self, entry: Entry) -> None:
        """Write one entry in a transaction of its own."""
        if not self._due([entry]):
            return
        try:
            with transaction_context(self._connector):
                counts = self._write_entries(self._connector, [entry])
        except ROW_ERRORS as error:
            self._fail(entry, self._reason(error))
        else:
            self._store([entry], counts)

    def hold_back(self, entry: Entry) -> None:
        """Leave an entry, and what comes after it in its group, to another batch."""
        self.written.held_back.append(entry)
        if entry.group is not None:
            self._bad_groups.add(entry.group)

    def retry_orphans(self) -> None:
        """Try those again that need what came after them in the batch, as long as it helps.

        That is a parent, or a row that gives up a unique value.
        """
        while due := [orphan for orphan in self._orphans if self._may_help(orphan)]:
            self._orphans = [orphan for orphan in self._orphans if orphan not in due]
            for orphan in due:
                self.write([orphan.entry])
        self.written.failed += [(orphan.entry, orphan.reason) for orphan in self._orphans]

    def _may_help(self, orphan: "_Orphan") -> bool:
        return orphan.stored_before < len(self.written.stored)

    def _parts(self, entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
        step = 1 if self._many_bad() else (len(entries) + 1) // 2
        for start in range(0, len(entries), step):
            yield entries[start : start + step]

    def _many_bad(self) -> bool:
        bad = len(self.written.failed) + len(self._orphans)
        return bad >= _SOME_BAD and bad * _BAD_SHARE >= bad + len(self.written.stored)

    def _due(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Hold back what may not be tried: all of it after the deadline, else bad groups."""
        is_late = time.monotonic() > self._deadline
        if not is_late and not self._bad_groups:
            return entries
        due = [e for e in entries if not is_late and e.group not in self._bad_groups]
        self.written.held_back += [e for e in entries if is_late or e.group in self._bad_groups]
        return due

    def _store(self, entries: Sequence[Entry], counts: RowCounts) -> None:
        self.written.stored += entries
        self.written.counts += counts

    def _fail(self, entry: Entry, reason: str, *, may_be_order: bool = False) -> None:
        if may_be_order and entry.group is None:
            self._orphans.append(_Orphan(entry, reason, len(self.written.stored)))
            return
        self.written.failed.append((entry, reason))
        if entry.group is not None:
            self._bad_groups.add(entry.group)

    def _reason(self, error: Exception) -> str:
        """Return the reason why a message is bad; raise the error where it is not the message."""
        dialect_name = self._connector.dialect_name
        if (
            isinstance(error, DbExecutionError)
            and verdict_on(error, dialect_name) is not Verdict.BAD_MESSAGE
        ):
            raise error
        return str(error)


def _may_be_order(error: Exception) -> bool:
    """Tell whether the same row may be stored after others of its batch."""
    if isinstance(error, DbExecutionError):
        return error.kind in {"foreign_key", "unique"}
    return isinstance(error, UniqueClashError)


def _is_slow(error: DbExecutionError) -> bool:
    """Tell whether the server gave a statement up; a pool without connections has no code."""
    return error.kind == "timeout" and (error.sqlstate or error.error_code) is not None
