"""``python -m orders``: run the demo.

Exit codes: 0 every order arrived once; 1 lines were rejected, under ``--strict``; 2 the command
line, the input file or the database is wrong; 3 an order was lost, doubled or not listed once;
130 interrupted.
"""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path

from rich.console import Console
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from orders.demo import Demo
from orders.models import Order
from orders.report import Report
from orders.source import Work, made_up_orders, read_orders
from orders.system import OrdersSystem, running
from saigon.orm.exceptions import SaigonOrmError

_DEFAULT_ORDERS = 200


def main(arguments: list[str] | None = None) -> int:
    """Run the demo and return the exit code."""
    options = _parser().parse_args(arguments)
    if options.schema:
        sys.stdout.write(json.dumps(Order.model_json_schema(), indent=2) + "\n")
        return 0
    work = _work(options)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # All of it is on this machine: no call may go through a proxy of the environment.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    try:
        return _run(options, work)
    except SaigonOrmError as error:
        sys.stderr.write(f"the database cannot be used: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing is left behind\n")
        return 130


def _run(options: argparse.Namespace, work: Work) -> int:
    console = Console(stderr=True, quiet=options.json)
    with running(options.database_url) as system:
        report = Demo(system, work, console).run()
        _show(report, as_json=options.json)
        if options.serve:
            _serve(system, console)
    return exit_code(report, strict=options.strict)


def exit_code(report: Report, *, strict: bool) -> int:
    """Return what the run came to."""
    if not report.is_right:
        return 3
    return 1 if strict and report.rejected else 0


def _show(report: Report, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(report.as_json()) + "\n")
        sys.stdout.flush()
    else:
        report.show(Console())


def _serve(system: OrdersSystem, console: Console) -> None:
    console.print(f"API docs: {system.service_url}/docs")
    console.print(f"local gateway, for signed calls: {system.gateway_url}")
    console.print("Ctrl-C ends it")
    while True:
        time.sleep(1)
        system.raise_worker_errors()


def _work(options: argparse.Namespace) -> Work:
    if options.input is None:
        return made_up_orders(options.orders)
    try:
        return read_orders(options.input)
    except OSError as error:
        _parser().error(f"argument --input: cannot read it: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="orders", description="The orders demo.")
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--orders",
        type=_count,
        default=_DEFAULT_ORDERS,
        metavar="N",
        help="how many orders to make up",
    )
    source.add_argument(
        "--input", type=Path, metavar="FILE.jsonl", help="your own orders, one JSON object a line"
    )
    parser.add_argument(
        "--database-url",
        type=_database_url,
        metavar="URL",
        default=os.environ.get("DATABASE_URL") or None,
        help="SQLAlchemy's address of PostgreSQL or MySQL; default: $DATABASE_URL, else SQLite",
    )
    parser.add_argument("--strict", action="store_true", help="exit 1 if a line was rejected")
    parser.add_argument("--serve", action="store_true", help="leave it running afterwards")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of a line and exit"
    )
    return parser


def _database_url(text: str) -> str:
    try:
        make_url(text)
    except ArgumentError:
        raise argparse.ArgumentTypeError("expected SQLAlchemy's form of a URL") from None
    return text


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("expected a number of orders, 0 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
