"""The demo, in full: real sockets, moto as AWS, SQLite as the database."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from orders.__main__ import exit_code, main
from orders.demo import Losses, losses
from orders.models import Order, StoredOrder
from orders.report import Report
from orders.source import RejectedLine

EXAMPLES = Path(__file__).parents[1] / "examples"


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return {**kept, "PYTHONPATH": str(EXAMPLES), **variables}


def demo(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "orders", *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def order(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "order_id": f"A-{number}",
        "item": "phở",
        "quantity": 1 + number % 7,
        "unit_price": "9.90",
        "placed_at": f"2026-01-01T12:{number % 60:02d}:00Z",
        **fields,
    }


@pytest.fixture
def file_of_orders(tmp_path: Path) -> Path:
    lines = [json.dumps(order(number)) for number in range(29)]
    lines.insert(0, json.dumps(order(0, order_id="đơn 1/2")))
    lines[4:4] = ["{broken", json.dumps(order(99, quantity=-1)), json.dumps(order(98, extra=1))]
    lines += [json.dumps(order(number)) for number in range(5)]
    file = tmp_path / "orders.jsonl"
    file.write_text("\n".join(lines))
    return file


def test_made_up_orders_arrive_once_whatever_the_users_settings_are(tmp_path: Path) -> None:
    missing = str(tmp_path / "no-such-file")
    done = demo(
        "--orders",
        "60",
        "--json",
        AWS_PROFILE="no-such-profile",
        AWS_CONFIG_FILE=missing,
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_DEFAULT_REGION="nowhere-1",
        HTTP_PROXY="http://127.0.0.1:9",
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["sent"], result["stored"], result["duplicates"]) == (63, 60, 3)
    assert (result["lost"], result["doubled"], result["unlisted"]) == (0, 0, 0)


def test_a_users_file_is_stored_but_for_the_lines_that_are_rejected(file_of_orders: Path) -> None:
    done = demo("--input", str(file_of_orders), "--strict", "--json")
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert (result["stored"], result["duplicates"]) == (30, 5)
    assert [line["number"] for line in result["rejected"]] == [5, 6, 7]


def test_rejected_lines_alone_are_no_failure_and_are_told_to_people(file_of_orders: Path) -> None:
    done = demo("--input", str(file_of_orders))
    assert done.returncode == 0, done.stderr
    assert "line 6 rejected: quantity" in done.stdout
    assert "every order arrived once" in done.stdout


def test_a_wrong_command_line_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (
        ["--orders", "-1"],
        ["--orders", "many"],
        ["--input", str(tmp_path / "missing.jsonl")],
        ["--database-url", "hidden word"],
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
        told = capsys.readouterr().err
        assert arguments[0].removeprefix("--") in told
        assert "hidden word" not in told


def test_the_environments_database_is_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "hidden word")
    with pytest.raises(SystemExit):
        main([])
    assert "--database-url: expected SQLAlchemy's form" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("report", "strict", "code"),
    [
        (Report(database="sqlite"), True, 0),
        (Report(database="sqlite", lost=1), False, 3),
        (Report(database="sqlite", doubled=1), False, 3),
        (Report(database="sqlite", unlisted=1), True, 3),
        (Report(database="sqlite", rejected=[RejectedLine(1, "no order")]), True, 1),
    ],
    ids=["right", "lost", "doubled", "unlisted", "rejected"],
)
def test_the_exit_code_tells_what_went_wrong(report: Report, strict: bool, code: int) -> None:
    assert exit_code(report, strict=strict) == code


def test_a_lost_a_changed_and_a_foreign_row_are_seen() -> None:
    wanted = [StoredOrder.of("ada", Order(**order(number))) for number in range(4)]
    changed = wanted[1].model_copy(update={"quantity": 1_000})
    foreign = StoredOrder.of("bob", Order(**order(0)))
    stored = [wanted[0], changed, wanted[3], wanted[3], foreign]
    assert losses(wanted, stored) == Losses(lost=2, doubled=2)


def test_a_database_that_cannot_be_used_is_said_without_its_password() -> None:
    done = demo("--database-url", "postgresql+psycopg://ada:wordpass@127.0.0.1:1/orders")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "wordpass" not in done.stderr + done.stdout


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path: Path, signal_number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "orders", "--orders", "5", "--serve"],
        env=environment(TMPDIR=str(tmp_path)),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "Ctrl-C" in line:
                break
        process.send_signal(signal_number)
        assert process.wait(60) == 130, process.stderr.read()
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
    assert list(tmp_path.iterdir()) == []
    assert tempfile.gettempdir() != str(tmp_path)
