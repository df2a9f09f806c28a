"""The demo, in full: real sockets, moto as AWS, the databases that are there."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

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


def test_every_order_arrives_once_whatever_the_users_aws_settings_are(tmp_path: Path) -> None:
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


@pytest.mark.parametrize(("strict", "code"), [([], 0), (["--strict"], 1)])
def test_a_users_file_is_stored_but_for_the_lines_that_are_rejected(
    tmp_path: Path, strict: list[str], code: int
) -> None:
    lines = [json.dumps(order(number)) for number in range(30)]
    lines[4:4] = ["{broken", json.dumps(order(99, quantity=-1)), json.dumps(order(98, extra=1))]
    lines += [json.dumps(order(number)) for number in range(5)]
    file = tmp_path / "orders.jsonl"
    file.write_text("\n".join(lines))
    done = demo("--input", str(file), "--json", *strict)
    assert done.returncode == code, done.stderr
    result = json.loads(done.stdout)
    assert (result["stored"], result["duplicates"]) == (30, 5)
    assert [line["number"] for line in result["rejected"]] == [5, 6, 7]


def test_the_summary_is_a_table_for_people() -> None:
    done = demo("--orders", "3")
    assert done.returncode == 0, done.stderr
    assert "every order arrived once" in done.stdout


def test_a_wrong_command_line_is_refused(tmp_path: Path) -> None:
    assert demo("--orders", "-1").returncode == 2
    missing = demo("--input", str(tmp_path / "missing.jsonl"))
    assert (missing.returncode, "missing.jsonl" in missing.stderr) == (2, True)


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
