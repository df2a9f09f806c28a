"""The command runs a worker, or one receive, and its exit code says how it went."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, select

from saigon.aws.sqs import ForwardResult, dead_letter_table, inbox_table
from saigon.aws.sqs._cli import main
from saigon.aws.sqs._progress import Progress
from saigon.aws.sqs.testing import LocalSqs, StrictQueue
from saigon.orm.connection import DbConnector

Body = Callable[..., str]
Stored = Callable[[], dict[str, str]]

SHOP = """
from pydantic import BaseModel
from saigon.aws.sqs import Inbox, dead_letter_table, inbox_table
from sqlalchemy import Column, Integer, MetaData, String, Table
from sqlalchemy.orm import DeclarativeBase, mapped_column

class Order(BaseModel):
    id: str
    item: str
    version: int

class Base(DeclarativeBase):
    pass

class OrderRow(Base):
    __tablename__ = "orders"
    id = mapped_column(String(36), primary_key=True)
    item = mapped_column(String(40), nullable=False)
    version = mapped_column(Integer, nullable=False)

orders = OrderRow.__table__
dead_letters = dead_letter_table(Base.metadata)
seen = Inbox(inbox_table(Base.metadata), key="item")
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the working directory, of a name that no other test imports."""
    name = f"shop_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return name


@pytest.fixture
def command(
    shop: str,
    queue: StrictQueue,
    connector: DbConnector,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> list[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'orders.db'}")
    options = ["--model", f"{shop}:Order", "--table", f"{shop}:orders", "--wait-seconds", "0"]
    return ["--queue-url", queue.url, *options]


def test_once_receives_once_and_prints_a_line_of_json(
    command: list[str],
    queue: StrictQueue,
    order_json: Body,
    stored: Stored,
    capsys: pytest.CaptureFixture[str],
) -> None:
    queue.put(order_json("a"))
    assert main([*command, "--once"]) == 0
    assert set(stored()) == {"a"}
    line = json.loads(capsys.readouterr().out)
    assert (line["received"], line["inserted"], line["deleted"]) == (1, 1, 1)


def test_a_mapped_class_will_do_for_a_table(
    command: list[str], shop: str, queue: StrictQueue, order_json: Body, stored: Stored
) -> None:
    queue.put(order_json("a", version=2))
    update = ["--on-conflict", "update", "--newer-by", "version", "--key", "id"]
    assert main([*command, "--table", f"{shop}:OrderRow", *update, "--once"]) == 0
    assert set(stored()) == {"a"}


def test_an_inbox_and_a_table_of_dead_letters_are_named_like_the_table(
    *,
    command: list[str],
    shop: str,
    sqs: LocalSqs,
    order_json: Body,
    stored: Stored,
    connector: DbConnector,
) -> None:
    queue = sqs.create_queue()
    for body in (order_json("a", item="tea"), order_json("b", item="tea"), "poison"):
        queue.put(body)
    metadata = MetaData()
    inbox_table(metadata)
    letters = dead_letter_table(metadata)
    metadata.create_all(connector.engine)
    options = ["--inbox", f"{shop}:seen", "--dead-letter-table", f"{shop}:dead_letters"]
    assert main([*command, "--queue-url", queue.url, *options, "--once"]) == 0
    assert set(stored()) == {"a"}  # whose item the inbox knew for the other one
    assert connector.fetch_all(select(letters.c.body)) == [(b"poison",)]


def test_metrics_are_printed_beside_the_counts(
    command: list[str], queue: StrictQueue, order_json: Body, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.put(order_json("a"))
    assert main([*command, "--metrics", "Shop", "--once"]) == 0
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines()][1]
    assert (metrics["RowsInserted"], metrics["Queue"]) == (1, queue.name)


class Broken(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("stream", [Broken(), None], ids=["broken pipe", "closed"])
def test_nobody_has_to_read_what_is_printed(stream: io.StringIO | None) -> None:
    progress = Progress(stream)
    for _ in range(2):
        progress(ForwardResult(received=1))
    progress.end()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_line_that_is_kept_up_to_date() -> None:
    terminal = Terminal()
    progress = Progress(terminal)
    for _ in range(2):
        progress(ForwardResult(received=600, inserted=599, retried=1))
    progress.end()
    lines = terminal.getvalue().split("\r\x1b[K")
    assert lines[0] == ""
    assert lines[1].startswith("received 600, inserted 599, duplicates 0, dead 0, retried 1")
    assert lines[2].startswith("received 1,200, inserted 1,198,")
    assert lines[2].endswith("/s)\n")


def test_once_with_a_bad_message_is_incomplete(
    command: list[str], queue: StrictQueue, order_json: Body
) -> None:
    queue.put("poison")
    assert main([*command, "--once"]) == 3


def test_a_database_that_refuses_is_an_error(
    command: list[str],
    queue: StrictQueue,
    order_json: Body,
    sql: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    queue.put(order_json("a"))
    sql("DROP TABLE orders")
    assert main([*command, "--once"]) == 1
    assert "saigon-forward: the database refused" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--model", "no_such_module:Order"], "no_such_module:Order is not there"),
        (["--model", "json:loads"], "expected a pydantic model"),
        (["--table", "json:loads"], "expected a Table"),
        (["--model", "Order"], "expected MODULE:ATTRIBUTE"),
        (["--batch-size", "0"], "batch_size"),
        (["--concurrency", "0"], "concurrency"),
        (["--inbox", "json:loads"], "expected an instance of Inbox"),
        (["--dead-letter-table", "json:loads"], "expected an instance of Table"),
        (["--metrics", "AWS/SQS"], "expected a namespace"),
        (["--payload-bucket", "No Bucket"], "expected the name of a bucket"),
        (["--key", "nothing"], "is not a field"),
        (["--model", ":x"], ":x is not there"),
        (["--model", "..x:y"], "..x:y is not there"),
        (["--queue-url", "orders"], "expected the URL of a queue"),
        (["--database-url", "nonsense"], "saigon-forward:"),
    ],
)
def test_wrong_arguments_are_told_apart(
    options: list[str], expected: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, *options, "--once"]) == 2
    assert expected in capsys.readouterr().err


def test_a_secret_that_cannot_be_read_is_an_error(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert main([*command, "--secret", "orders/database", "--once"]) == 1
    assert "saigon-forward: Secrets Manager did not answer" in capsys.readouterr().err


def test_a_missing_region_is_a_wrong_configuration(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    assert main([*command, "--secret", "orders/database", "--once"]) == 2
    told = capsys.readouterr().err
    assert "saigon-forward: no request for 'orders/database' could be made" in told
    assert "NoRegionError; check AWS's region" in told


def test_the_module_is_a_command_that_a_signal_drains(
    command: list[str], queue: StrictQueue, sqs: LocalSqs, order_json: Body, stored: Stored
) -> None:
    queue.put(order_json("a"))
    process = subprocess.Popen(
        [sys.executable, "-m", "saigon.aws.sqs", *command, "--wait-seconds", "1"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    with process:
        assert process.stdout is not None
        line: dict[str, Any] = json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(30) == 0
    assert line["inserted"] == 1
    assert set(stored()) == {"a"}
