"""The command: a worker from arguments."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from sqlalchemy import Table

from saigon.aws.secrets.exceptions import SecretError
from saigon.aws.sqs.builders import SqlStatementBuilder
from saigon.aws.sqs.config import ForwarderConfig, OnConflict
from saigon.aws.sqs.exceptions import ForwarderConfigError, ForwarderError
from saigon.aws.sqs.forwarder import SqsToRdsForwarder
from saigon.aws.sqs.results import ForwardResult
from saigon.orm.config import DbCredentials
from saigon.orm.connection import DbConnector
from saigon.orm.exceptions import DbConfigurationError

DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2
INCOMPLETE: Final = 3

_EXIT_CODES: Final = """exit codes:
  0  told to stop (SIGTERM, SIGINT), or --once is done
  1  the database or the queue refused, or was not there for --once
  2  the arguments or the configuration are wrong
  3  --once, and a message was not stored
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    from botocore.exceptions import BotoCoreError

    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        with _connector(options) as connector:
            return _run(_forwarder(options, connector), once=options.once)
    except (ForwarderConfigError, DbConfigurationError, _UsageError) as error:
        return _failed(error, MISUSED)
    except BotoCoreError as error:
        return _failed(error, MISUSED)  # such as: no region
    except SecretError as error:
        # Without a code where no request could be made: without a region, for instance.
        misused = type(error) is SecretError and error.code is None
        return _failed(error, MISUSED if misused else FAILED)
    except ForwarderError as error:
        return _failed(error, FAILED)


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
    add("--model", required=True, metavar="MODULE:ATTRIBUTE", help="the messages' pydantic model")
    add(
        "--table",
        required=True,
        metavar="MODULE:ATTRIBUTE",
        help="a Table, a mapped class or a statement builder",
    )
    add("--key", action="append", help="a key column; again for each further one")
    add("--on-conflict", type=OnConflict, choices=list(OnConflict), default=OnConflict.IGNORE)
    add("--newer-by", metavar="COLUMN", help="the version by which the newer row wins")
    add("--dead-letter", metavar="QUEUE_URL", help="a queue for bad messages")
    add("--batch-size", type=int, help="messages in a transaction")
    add("--wait-seconds", type=int, help="how long a receive waits for messages")
    add("--max-attempts", type=int, help="receives after which a bad message is dead-lettered")
    add("--envelope", choices=["none", "sns", "eventbridge"])
    add("--once", action="store_true", help="receive once instead of until told to stop")
    return parser


def _connector(options: argparse.Namespace) -> DbConnector:
    if options.secret is not None:
        from saigon.aws.secrets import AwsSecretVault

        return DbConnector(DbCredentials.from_secret(AwsSecretVault(), options.secret))
    url = options.database_url or os.environ.get("DATABASE_URL")
    if not url:
        raise _UsageError("give --database-url, --secret, or the variable DATABASE_URL")
    return DbConnector(url)


def _forwarder(options: argparse.Namespace, connector: DbConnector) -> SqsToRdsForwarder[Any]:
    return SqsToRdsForwarder(
        _model(options.model),
        options.queue_url,
        connector,
        _target(options.table),
        key=options.key,
        on_conflict=options.on_conflict,
        newer_by=options.newer_by,
        dead_letter=options.dead_letter,
        config=_config(options),
        hooks=[_show],
    )


def _config(options: argparse.Namespace) -> ForwarderConfig:
    names = ("batch_size", "wait_seconds", "max_attempts", "envelope")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    try:
        return ForwarderConfig(**given)
    except ValidationError as error:
        wrong = ", ".join(f"{found['loc'][0]}: {found['msg']}" for found in error.errors())
        raise _UsageError(wrong) from error


def _run(forwarder: SqsToRdsForwarder[Any], *, once: bool) -> int:
    if not once:
        forwarder.run()
        return DONE
    return INCOMPLETE if forwarder.forward().retried else DONE


def _model(name: str) -> type[BaseModel]:
    found = _attribute(name)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        raise _UsageError(f"expected a pydantic model at {name}")
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
    except (ImportError, AttributeError) as error:
        raise _UsageError(f"{name} is not there: {error}") from error


def _show(result: ForwardResult) -> None:
    counts = {k: v for k, v in asdict(result).items() if k not in {"failures", "seconds"}}
    if sys.stdout.isatty():
        line = ", ".join(f"{name} {count}" for name, count in counts.items())
    else:
        line = json.dumps({**counts, "seconds": round(result.seconds, 3)})
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _failed(error: Exception, code: int) -> int:
    sys.stderr.write(f"saigon-forward: {error}\n")
    return code
