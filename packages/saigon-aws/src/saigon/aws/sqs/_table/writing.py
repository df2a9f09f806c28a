"""Write rows of one table so that each key has one effect, in the dialect's own way.

Traps that this avoids:
    An executemany takes its columns from the first row: rows are grouped by their names.
    ``ON CONFLICT DO NOTHING`` without a target swallows clashes on any unique key: it is targeted.
    ``INSERT IGNORE`` of MySQL truncates, clamps and drops in silence, and ``ON DUPLICATE KEY
    UPDATE`` fires on any unique key: where a plain insert clashes, the keys are read back in the
    same transaction.
    One key twice in a statement fails under DO UPDATE: rows are collapsed first.
    Unsorted upserts of two workers deadlock: rows are sorted by key, but for
    those of a FIFO queue, whose groups have an order.
"""

from collections.abc import Sequence

from saigon.aws.sqs._table.rows import Values, sorted_rows
from saigon.aws.sqs._table.table_write import TableWrite
from saigon.aws.sqs.config import OnConflict
from saigon.aws.sqs.results import RowCounts
from saigon.orm.connection import DbConnector

__all__ = ["TableWrite", "Values", "sorted_rows", "write_table_rows"]


def write_table_rows(
    connector: DbConnector, write: TableWrite, rows: Sequence[Values]
) -> RowCounts:
    """Write rows within the transaction that is open; count the new ones and the duplicates.

    Raises:
        MessageRejectedError: A row clashes with another in a way that its statement does not say.
        DbExecutionError: The database refused a row or the statement.
    """
    if write.on_conflict is OnConflict.ERROR:
        _write(connector, write, _in_order(write, rows))
        return RowCounts(inserted=len(rows))
    inserted = _write(connector, write, _in_order(write, write.one_of_each_key(rows)))
    return RowCounts(inserted=inserted, duplicates=len(rows) - inserted)


def _in_order(write: TableWrite, rows: Sequence[Values]) -> Sequence[Values]:
    return rows if write.keeps_order else sorted_rows(rows, write.key)


def _write(connector: DbConnector, write: TableWrite, rows: Sequence[Values]) -> int:
    # Each needs its own driver, or what others have no use for.
    match connector.dialect_name:
        case "postgresql":
            from saigon.aws.sqs._table.unnest import write_unnested

            return write_unnested(connector, write, rows)
        case "mysql":
            from saigon.aws.sqs._table.mysql import write_and_read_back

            return write_and_read_back(connector, write, rows)
        case _:
            from saigon.aws.sqs._table.on_conflict import write_one_by_one

            return write_one_by_one(connector, write, rows)
