"""The OpenAPI document against the service: schemathesis sends what nobody thinks of.

All of its checks are on. ``ignored_auth`` alone finds nothing to do, for no security scheme is
declared: the gateway checks the signature. The run without an identity stands in for it.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fastapi import APIRouter, HTTPException
from starlette.responses import JSONResponse

from orders.models import Accepted, ServiceSecret
from orders.serving import served
from orders.system import OrdersSystem, running
from saigon.aws.secrets import AwsSecretVault
from saigon.fastapi.utils import create_app
from saigon.model.http import CognitoProvider

OPERATIONS = {"GET /orders", "POST /orders", "POST /uploads"}

CONFIG = """
seed = {seed}
color = false
continue-on-failure = true

[generation]
max-examples = {examples}
database = "none"

[cache]
enabled = false

[reports.json]
path = "report.json"

# Whoever looks for a fault needs the rest of the request, page tokens too.
[output.sanitization]
keys-to-sanitize = ["x-gateway-secret"]
sensitive-markers = ["secret"]

# A page token is signed: no schema tells a good one from a bad one, which is answered with 400.
[[operations]]
include-name = "GET /orders"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401"]
"""

# Put in from the environment: anyone on the machine may read a process's arguments.
IDENTITY = """
[headers]
X-Gateway-Secret = "${TEST_GATEWAY_SECRET}"
X-Cognito-AuthProvider = "${TEST_COGNITO_PROVIDER}"
"""


@dataclass(frozen=True)
class Report:
    faults: set[tuple[str, str]]
    """What was found, and at which operation."""

    refused: set[str]
    """The operations that answered nothing but 401 and 403."""

    text: str


Run = Callable[..., Report]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def run(url: str, config: str = "", *, examples: int = 20, seed: int = 1) -> Report:
        settings = CONFIG.format(seed=seed, examples=examples) + config
        (tmp_path / "schemathesis.toml").write_text(settings)
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in {0, 1}, done.stdout + done.stderr
        return read_report(tmp_path / "report.json", done.stdout)

    return run


def read_report(file: Path, text: str) -> Report:
    report: dict[str, Any] = json.loads(file.read_text())
    assert report["complete"], text
    assert not report["errors"], text
    return Report(
        faults={
            (failure["type"], operation)
            for failure in report["failures"]
            for operation in failure["operations"]
        },
        refused=set(report["warnings"]["missing_auth"]),
        text=text,
    )


@pytest.fixture(scope="module")
def system() -> Iterator[OrdersSystem]:
    with running() as system:
        yield system


@pytest.fixture
def user(system: OrdersSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put into the environment what the gateway adds to the requests of a user."""
    vault = AwsSecretVault(system.session.client("secretsmanager"))
    secret = vault.get_secret(ServiceSecret, system.resources.service_secret_name)
    pool = system.resources.identities.user_pool
    provider = CognitoProvider(pool.region, pool.user_pool_id, str(uuid4()))
    monkeypatch.setenv("TEST_GATEWAY_SECRET", secret.gateway_secret.get_secret_value())
    monkeypatch.setenv("TEST_COGNITO_PROVIDER", str(provider))


def wait_until_stored(system: OrdersSystem) -> None:
    deadline = time.monotonic() + 20
    while system.waiting_messages():
        system.raise_worker_errors()
        assert time.monotonic() < deadline, "an order was accepted that cannot be stored"
        time.sleep(0.1)


LONG = [pytest.param(1000, seed, marks=pytest.mark.slow) for seed in (2, 3, 4)]


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(("examples", "seed"), [(20, 1), *LONG])
def test_whatever_a_user_sends_is_answered_as_documented(
    system: OrdersSystem, run: Run, examples: int, seed: int
) -> None:
    report = run(system.service_url, IDENTITY, examples=examples, seed=seed)
    assert report.faults == set(), report.text
    assert report.refused == set()
    wait_until_stored(system)


@pytest.mark.parametrize(("examples", "seed"), [(20, 1), *LONG[:1]])
def test_whoever_is_not_known_is_refused_as_documented(
    system: OrdersSystem, run: Run, examples: int, seed: int
) -> None:
    report = run(system.service_url, examples=examples, seed=seed)
    assert report.faults == set(), report.text
    assert report.refused == OPERATIONS


@pytest.fixture
def faulty_url() -> Iterator[str]:
    router = APIRouter()

    @router.get("/failing")
    def failing() -> None:
        raise HTTPException(500)

    @router.get("/undocumented")
    def undocumented() -> None:
        raise HTTPException(409)

    @router.get("/misshapen", response_model=Accepted)
    def misshapen() -> JSONResponse:
        return JSONResponse({"id": 7})

    with served(create_app(title="Faulty", routers=[router])) as url:
        yield url


def test_faults_are_found_and_told_without_the_secret(
    faulty_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_GATEWAY_SECRET", "hunter2")
    monkeypatch.setenv("TEST_COGNITO_PROVIDER", "provider")
    report = run(faulty_url, IDENTITY, examples=5)
    assert report.faults == {
        ("ServerError", "GET /failing"),
        ("UndefinedStatusCode", "GET /failing"),
        ("UndefinedStatusCode", "GET /undocumented"),
        ("JsonSchemaError", "GET /misshapen"),
    }
    assert "GET /failing" in report.text
    assert "hunter2" not in report.text
