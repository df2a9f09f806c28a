"""What a real uvicorn writes, however it is started, where the app calls configure."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

APP = """\
import logging
from concurrent.futures import ThreadPoolExecutor

from fastapi import APIRouter
from saigon.fastapi.logging import bind_log_context, configure
from saigon.fastapi.utils import create_app

configure(json=True)
log = logging.getLogger("orders")
router = APIRouter()


@router.get("/orders/{order_id}")
def read_order(order_id: int) -> None:
    log.info("reading")
    with ThreadPoolExecutor(1) as executor:
        executor.submit(bind_log_context(log.info), "elsewhere").result()


@router.get("/crash")
async def crash() -> None:
    raise RuntimeError("hunter2")


app = create_app(title="Orders", routers=[router])
"""
RUN = "import sys, uvicorn, service; uvicorn.run(service.app, fd=int(sys.argv[1]){options})"
WAYS = {
    "command": ["-m", "uvicorn", "service:app", "--fd"],
    "run": ["-c", RUN.format(options="")],
    "run without its log": ["-c", RUN.format(options=", log_config=None")],
    "run at debug": ["-c", RUN.format(options=", log_level='debug', use_colors=True")],
}
Served = Callable[[str], list[dict[str, Any]]]


@contextmanager
def uvicorn(way: list[str], folder: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, *way, str(listener.fileno())],
                pass_fds=[listener.fileno()],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(folder)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        stack.callback(process.kill)
        yield "http://{}:{}".format(*listener.getsockname()), process


@pytest.fixture(params=WAYS)
def lines(request: pytest.FixtureRequest, tmp_path: Path) -> Served:
    (tmp_path / "service.py").write_text(APP)

    def ask(path: str) -> list[dict[str, Any]]:
        with uvicorn(WAYS[request.param], tmp_path) as (url, process):
            httpx.get(url + path, headers={"X-Request-Id": "r-1"}, timeout=30)
            process.send_signal(signal.SIGTERM)
            written, _ = process.communicate(timeout=30)
        return [json.loads(line) for line in written.splitlines()]

    return ask


def test_request_has_one_access_line_and_the_server_the_same_form(lines: Served) -> None:
    found = lines("/orders/7")
    of_request = [line["message"] for line in found if line.get("request_id") == "r-1"]
    assert of_request == ["reading", "elsewhere", "GET /orders/{order_id} 200"]
    assert not [line for line in found if line["logger"] == "uvicorn.access"]
    (started,) = (line for line in found if line["message"].startswith("Started server process"))
    assert (started["logger"], started["level"]) == ("uvicorn.error", "INFO")


def test_crash_has_one_traceback(lines: Served) -> None:
    tracebacks = [line for line in lines("/crash") if "Traceback" in line.get("exc_info", "")]
    assert [line["message"] for line in tracebacks] == ["GET /crash 500"]


IDENTIFIED = """\
from saigon.fastapi.headers import IdentityIdHeader, PeerNetworks
from saigon.fastapi.utils import create_app

app = create_app(title="Orders", identity=IdentityIdHeader(PeerNetworks(["10.0.0.0/8"])))
"""


def test_server_that_lets_anyone_write_the_peer_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    (tmp_path / "service.py").write_text(IDENTIFIED)
    with uvicorn(WAYS["command"], tmp_path) as (_url, process):
        written, _ = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "FORWARDED_ALLOW_IPS=*" in written
