"""What importing one of our modules loads, opens and starts; each in a process of its own."""

import json
import subprocess
import sys

import pytest

WEB = ["fastapi", "starlette", "uvicorn"]
AWS = ["boto3", "botocore"]
SQL = ["sqlalchemy", "psycopg", "pymysql", "aiosqlite"]
HTTP = ["requests", "httpx"]
FORBIDDEN = {
    "saigon.model": [*AWS, *SQL, *WEB, *HTTP, "saigon.orm", "saigon.aws"],
    "saigon.model.http": [*AWS, *SQL, *WEB, *HTTP],
    "saigon.model.interface": [*AWS, *SQL, *WEB, *HTTP],
    "saigon.orm": [*AWS, *SQL, *WEB, *HTTP],
    "saigon.orm.connection": [*AWS, *WEB, *HTTP, "psycopg", "pymysql", "aiosqlite", "saigon.aws"],
    "saigon.aws": [*AWS, *SQL, *WEB, *HTTP],
    "saigon.aws.cognito": [*AWS, *SQL, *WEB, "pycognito", "saigon.orm"],
    "saigon.aws.rds": [*AWS, *SQL, *WEB, *HTTP, "saigon.orm"],
    "saigon.aws.s3": [*AWS, *SQL, *WEB, "saigon.orm"],
    "saigon.aws.secrets": [*AWS, *SQL, *WEB, *HTTP, "saigon.orm"],
    "saigon.aws.sqs": [*AWS, *WEB, *HTTP],
    "saigon.aws.testing": [*SQL, *WEB, "saigon.orm", "moto"],
    "saigon.rest": [*AWS, *SQL, *WEB, *HTTP],
    "saigon.rest.client": [*AWS, *SQL, *WEB, "httpx", "saigon.aws"],
    "saigon.rest.gateway": [*AWS, *SQL, *WEB, "saigon.fastapi"],
    "saigon.rest.sigv4": [*AWS, *SQL, *WEB],
    "saigon.rest.testing": [*AWS, *SQL, *WEB, *HTTP, "saigon.aws", "saigon.fastapi"],
    "saigon.fastapi": [*AWS, *SQL, *WEB, *HTTP],
    "saigon.fastapi.headers": [*AWS, *SQL, *HTTP, "saigon.aws", "saigon.orm", "saigon.rest"],
    "saigon.fastapi.utils": [*AWS, *SQL, *HTTP, "saigon.aws", "saigon.orm", "saigon.rest"],
}
PROBE = """\
import importlib, json, sys, threading

seen = []


def watch(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "subprocess.Popen"}:
        seen.append(event)


sys.addaudithook(watch)
importlib.import_module(sys.argv[1])
print(json.dumps([sorted(sys.modules), seen, threading.active_count()]))
"""


def probe(module: str) -> tuple[list[str], list[str], int]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, module], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    loaded, events, threads = json.loads(done.stdout.splitlines()[-1])
    return loaded, events, threads


@pytest.mark.parametrize("module", FORBIDDEN)
def test_import_loads_nothing_that_it_must_not(module: str) -> None:
    loaded, events, threads = probe(module)
    assert sorted(set(FORBIDDEN[module]) & set(loaded)) == []
    assert events == [], "no connection is opened at import time"
    assert threads == 1, "no thread is started at import time"
