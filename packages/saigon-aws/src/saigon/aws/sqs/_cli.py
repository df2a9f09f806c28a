"""The command: a worker from arguments."""

import argparse
import logging
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import Table

from saigon.aws.secrets.exceptions import SecretError
from saigon.aws.sqs._pipeline import ForwarderHook
from saigon.aws.sqs._progress import Progress
from saigon.aws.sqs._signals import stopping_on_signals
from saigon.aws.sqs.builders import SqlStatementBuilder
from saigon.aws.sqs.config import ForwarderConfig, OnConflict
from saigon.aws.sqs.exceptions import ForwarderConfigError, ForwarderError
from saigon.aws.sqs.forwarder import SqsToRdsForwarder
from saigon.aws.sqs.inbox import Inbox
from saigon.aws.sqs.metrics import CloudWatchMetrics
from saigon.aws.sqs.payloads import S3Payloads
from saigon.orm.config import DbCredentials
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import DbConfigurationError

T = TypeVar("T")

DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2
INCOMPLETE: Final = 3

_SETTINGS: Final = (
    "batch_size",
    "concurrency",
    "envelope",
    "max_attempts",
    "max_in_flight",
    "visibility_timeout",
    "wait_seconds",
)

# One connection writes, another one may write dead letters meanwhile.
_POOL: Final[dict[str, Any]] = {"pool_size": 2, "max_overflow": 1}

_EXIT_CODES: Final = """exit codes:
  0  told to stop (SIGTERM, SIGINT), or --once is done
  1  the database or the queue refused, or was not there for --once
  2  the arguments or the configuration are wrong
  3  --once, and a message was given back to the queue
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    from botocore.exceptions import BotoCoreError

    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    progress = Progress(sys.stdout)
    # From here on, so that a signal that comes while things are made is not lost.
    signals = nullcontext() if options.once else stopping_on_signals()
    try:
        with signals as stop, _connector(options) as connector:
            return _run(_forwarder(options, connector, progress), options, stop)
    except (ForwarderConfigError, DbConfigurationError, BotoCoreError, _UsageError) as error:
        return _failed(error, MISUSED)  # of botocore's for instance: no region
    except SecretError as error:
        # Without a code where no request could be made: without a region, for instance.
        misused = type(error) is SecretError and error.code is None
        return _failed(error, MISUSED if misused else FAILED)
    except ForwarderError as error:
        return _failed(error, FAILED)
    finally:
        progress.end()


class _UsageError(Exception):
    """An argument names something that is not there, or not of its kind."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="saigon-forward",
        description="Store the messages of an SQS queue in a database table.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--queue-url", required=True)
    database = parser.add_mutually_exclusive_group()
    database.add_argument("--database-url", help="by default the variable DATABASE_URL")
    database.add_argument("--secret", help="the name of a secret of Secrets Manager")
    add("--proxy", choices=["rds", "pgbouncer"], help="what stands between here and the database")
    add("--model", required=True, metavar="MODULE:ATTRIBUTE", help="the messages' pydantic model")
    add(
        "--table",
        required=True,
        metavar="MODULE:ATTRIBUTE",
        help="a Table, a mapped class or a statement builder",
    )
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument("--key", action="append", help="a key column; again for each further one")
    keys.add_argument(
        "--inbox",
        metavar="MODULE:ATTRIBUTE",
        help="an Inbox, for statements that are not repeatable",
    )
    add("--on-conflict", type=OnConflict, choices=list(OnConflict), default=OnConflict.IGNORE)
    add("--newer-by", metavar="COLUMN", help="the version by which the newer row wins")
    letters = parser.add_mutually_exclusive_group()
    letters.add_argument("--dead-letter", metavar="QUEUE_URL", help="a queue for bad messages")
    letters.add_argument(
        "--dead-letter-table", metavar="MODULE:ATTRIBUTE", help="a Table for bad messages"
    )
    add(
        "--payload-bucket",
        action="append",
        metavar="BUCKET",
        help="a bucket that large payloads are read from; again for each further one",
    )
    add("--metrics", metavar="NAMESPACE", help="also print metrics of CloudWatch's embedded format")
    add("--batch-size", type=int, help="the most messages in a transaction")
    add("--concurrency", type=int, help="receives, and deletes, that are made at once")
    add("--max-in-flight", type=int, help="the most messages received and not settled")
    add("--visibility-timeout", type=int, help="seconds that a message is hidden; it is extended")
    add("--wait-seconds", type=int, help="how long a receive waits for messages")
    add("--max-attempts", type=int, help="receives after which a bad message is dead-lettered")
    add("--envelope", choices=["none", "sns", "eventbridge"])
    add(
        "--drain-timeout",
        type=float,
        default=25.0,
        help="seconds after a stop from which messages are given back unwritten (25)",
    )
    add("--once", action="store_true", help="receive once instead of until told to stop")
    return parser


def _connector(options: argparse.Namespace) -> DbConnector:
    pool = _POOL | {"proxy": options.proxy}
    if options.secret is not None:
        from saigon.aws.rds import SecretCredentials
        from saigon.aws.secrets import AwsSecretVault

        vault = AwsSecretVault()
        return DbConnector(
            DbCredentials.from_secret(vault, options.secret),
            credentials_provider=SecretCredentials(vault, options.secret),
            **pool,
        )
    url = options.database_url or os.environ.get("DATABASE_URL")
    if not url:
        raise _UsageError("give --database-url, --secret, or the variable DATABASE_URL")
    return DbConnector(url, **pool)


def _forwarder(
    options: argparse.Namespace, connector: DbConnector, progress: Progress
) -> SqsToRdsForwarder[Any]:
    hooks: list[ForwarderHook] = [progress]
    if options.metrics is not None:
        hooks.append(_metrics(options))
    return SqsToRdsForwarder(
        _model(options.model),
        options.queue_url,
        connector,
        _target(options.table),
        key=options.key if options.inbox is None else _found(options.inbox, Inbox),
        on_conflict=options.on_conflict,
        newer_by=options.newer_by,
        dead_letter=(
            options.dead_letter
            if options.dead_letter_table is None
            else _found(options.dead_letter_table, Table)
        ),
        config=_config(options),
        hooks=hooks,
    )


def _metrics(options: argparse.Namespace) -> ForwarderHook:
    queue = options.queue_url.rsplit("/", 1)[-1]
    try:
        return CloudWatchMetrics(options.metrics, {"Queue": queue})
    except ValueError as error:
        raise _UsageError(str(error)) from error


def _config(options: argparse.Namespace) -> ForwarderConfig:
    given = {name: value for name in _SETTINGS if (value := getattr(options, name)) is not None}
    try:
        if options.payload_bucket:
            given["large_payloads"] = S3Payloads(buckets=options.payload_bucket)
        return ForwarderConfig(**given)
    except ValidationError as error:
        wrong = ", ".join(f"{found['loc'][0]}: {found['msg']}" for found in error.errors())
        raise _UsageError(wrong) from error


def _run(
    forwarder: SqsToRdsForwarder[Any], options: argparse.Namespace, stop: threading.Event | None
) -> int:
    if not options.once:
        forwarder.run(stop, drain_timeout=options.drain_timeout)
        return DONE
    return INCOMPLETE if forwarder.forward().retried else DONE


def _model(name: str) -> type[BaseModel]:
    found = _attribute(name)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise _UsageError(f"expected a pydantic model at {name}")
    return found


def _found(name: str, kind: type[T]) -> T:
    found = _attribute(name)
    if not isinstance(found, kind):
        raise _UsageError(f"expected an instance of {kind.__name__} at {name}")
    return found


def _target(name: str) -> Table | SqlStatementBuilder[Any]:
    found = _attribute(name)
    found = getattr(found, "__table__", found)
    if not isinstance(found, Table | SqlStatementBuilder):
        raise _UsageError(f"expected a Table, a mapped class or a statement builder at {name}")
    return found


def _attribute(name: str) -> Any:
    module_name, colon, attribute = name.partition(":")
    if not colon:
        raise _UsageError(f"expected MODULE:ATTRIBUTE, got {name}")
    here = str(Path.cwd())
    if here not in sys.path:  # a console script does not look where it is started
        sys.path.insert(0, here)
    try:
        return getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise _UsageError(f"{name} is not there: {error}") from error


def _failed(error: Exception, code: int) -> int:
    sys.stderr.write(f"saigon-forward: {error}\n")
    return code
