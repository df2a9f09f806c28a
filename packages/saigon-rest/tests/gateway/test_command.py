import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

import saigon.rest.gateway
import saigon.rest.sigv4
from saigon.rest.client import RestClientBase, RetryPolicy
from saigon.rest.exceptions import ConfigurationError
from saigon.rest.gateway import CallersFile
from saigon.rest.gateway._command import main as command
from saigon.rest.gateway._command.arguments import routes, secret_headers
from saigon.rest.gateway._command.development_caller import development_caller
from saigon.rest.gateway._command.main import main
from saigon.rest.sigv4 import SigV4Auth

UPSTREAM = ["--upstream", "http://127.0.0.1:1"]


class Running:
    """The command in a process of its own."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self.told: list[str] = []
        environment = {**os.environ, "OWN": "the secret", "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "saigon.rest.gateway", "--port", "0", *arguments],
            cwd=folder,
            env=environment,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self._url()

    def _url(self) -> str:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.told.append(line)
            if " running on " in line:
                return line.partition(" running on ")[2].split()[0]
        raise AssertionError(self.told)

    def end(self, by: int = signal.SIGTERM) -> int:
        self.process.send_signal(by)
        out, err = self.process.communicate(timeout=20)
        self.told += [out, err]
        return self.process.returncode


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(*arguments: str) -> Running:
        started.append(Running(tmp_path, list(arguments)))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.end()


def client_of(running: Running, callers: CallersFile) -> RestClientBase:
    host = running.url.removeprefix("http://").partition("/")[0]
    auth = SigV4Auth(
        aws_host=host,
        aws_region="us-east-1",
        aws_service="execute-api",
        credentials=callers.first,
    )
    return RestClientBase(running.url, auth=auth, retry=RetryPolicy(attempts=1))


def signer_told_by(running: Running) -> Any:
    line = next(line for line in running.told if "sign as" in line)
    return eval(line.partition(" with ")[2], {"saigon": saigon})  # what was told


def test_the_upstream_alone_is_enough(
    start: Callable[..., Running], server: Any, tmp_path: Path
) -> None:
    running = start("--upstream", server.url)
    path = tmp_path / "saigon-callers.json"
    made = json.loads(path.read_text())
    with RestClientBase(running.url, auth=signer_told_by(running)) as client:
        client.request("GET", "/orders", params={"status": "open"})
    refused = requests.get(f"{running.url}/orders?hidden=1", timeout=5)
    assert refused.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert running.end() == 0
    again = start("--upstream", server.url)
    assert again.end(signal.SIGINT) == 0

    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text()) == made
    assert server.seen[0].target == "/orders?status=open"
    assert server.seen[0].headers["X-Api-IdentityId"] == made[0]["identity_id"]
    told = "".join(running.told + again.told)
    assert str(path) in told
    assert "it is not signed" in told
    secrets = [made[0][name] for name in ("secret_access_key", "session_token")]
    assert not [secret for secret in [*secrets, "hidden", "status=open"] if secret in told]


def test_what_the_gateway_can_the_command_can(
    start: Callable[..., Running], server: Any, tmp_path: Path
) -> None:
    callers = tmp_path / "own.json"
    callers.write_text(json.dumps([development_caller("us-east-1", datetime.now(UTC))]))
    running = start(
        *("--upstream", server.url, "--credentials", str(callers), "--flavour", "http"),
        *("--stage", "prod", "--region", "us-east-1", "--secret-header", "X-Own=OWN"),
        *("--route", "GET /orders=AWS_IAM", "--route", "GET /health=NONE"),
    )
    assert running.url.endswith("/prod")
    assert str(callers) in repr(signer_told_by(running)._credentials)
    with client_of(running, CallersFile(callers)) as client:
        client.request("GET", "/orders")
    assert requests.get(f"{running.url}/health", timeout=5).status_code == 200
    unknown = requests.get(f"{running.url}/nowhere", timeout=5)
    assert (unknown.status_code, unknown.json()) == (404, {"message": "Not Found"})
    assert running.end() == 0
    assert [(seen.target, seen.headers.get("X-Own")) for seen in server.seen] == [
        ("/orders", "the secret"),
        ("/health", None),
    ]
    assert "open to others: chmod 600 it" in "".join(running.told)
    assert not (tmp_path / "saigon-callers.json").exists()


WRONG: dict[str, tuple[list[str], str]] = {
    "no upstream": ([], "--upstream"),
    "no URL": (["--upstream", "localhost"], "expected"),
    "no port": ([*UPSTREAM, "--port", "65536"], "0 to 65535"),
    "no variable": ([*UPSTREAM, "--secret-header", "X=NOT_SET"], "with the variable set"),
    "no file": ([*UPSTREAM, "--credentials", "absent.json"], "No such file"),
    "no stage": ([*UPSTREAM, "--stage", "a/b"], "expected a stage"),
    "no route": ([*UPSTREAM, "--route", "GET=NONE"], "expected a route"),
    "no authorization": ([*UPSTREAM, "--route", "GET /"], "'AWS_IAM' or 'NONE'"),
    "two kinds of callers": ([*UPSTREAM, "--credentials", "x", "--local-aws"], "not allowed with"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_command_tells_what_is_wrong_before_it_makes_anything(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, expected = WRONG[name]
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert expected in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_command_names_the_extra_that_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "find_spec", lambda _name: None)
    with pytest.raises(SystemExit) as caught:
        main(UPSTREAM)
    assert caught.value.code == 2
    assert "pip install 'saigon-rest[gateway]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_command_does_not_run_on_aws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "f")
    with pytest.raises(SystemExit):
        main(UPSTREAM)
    assert "does not run on AWS" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("mode", "age", "expected"),
    [
        (0o640, timedelta(), "open to others: chmod 600 it, or remove it"),
        (0o600, timedelta(hours=12), "remove it for new ones"),
        (0o600, None, "expected a list of callers"),
    ],
)
def test_a_callers_file_that_is_there_is_left_as_it_is(  # noqa: PLR0917  # fixtures and the table's columns
    mode: int,
    age: timedelta | None,
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "saigon-callers.json"
    made = [] if age is None else [development_caller("us-east-1", datetime.now(UTC) - age)]
    path.write_text(json.dumps(made) if made else "{}")
    path.chmod(mode)
    before = path.read_text()
    with pytest.raises(SystemExit) as caught:
        main([*UPSTREAM, "--port", "0"])
    assert caught.value.code == 2
    assert expected in capsys.readouterr().err
    assert path.read_text() == before


def test_a_callers_file_is_checked_and_its_secrets_are_masked(tmp_path: Path) -> None:
    path = tmp_path / "callers.json"
    made = development_caller("eu-west-1", datetime.now(UTC))
    path.write_text(json.dumps([made]))
    find = CallersFile(path)
    assert find("NOBODY") is None
    assert find.first() == find(made["access_key_id"])
    assert made["secret_access_key"] not in repr(find.first())
    path.write_text('[{"secret_access_key": "hidden"}]')
    with pytest.raises(ConfigurationError, match="faults, the first at 0") as caught:
        find("ASIAALICE")
    assert "hidden" not in f"{caught.value} {caught.value.__context__}"
    path.write_text("[]")
    with pytest.raises(ConfigurationError, match="at least one caller"):
        find.first()


def test_no_two_development_callers_are_alike() -> None:
    one, other = (development_caller("eu-west-1", datetime.now(UTC)) for _ in range(2))
    alike = {"expiration", "region", "user_pool_id"}
    assert {name for name in one if one[name] == other[name]} <= alike
    assert one["identity_id"].startswith("eu-west-1:")


def test_secret_headers_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_SECRET", "s")
    assert secret_headers(["X-Secret=THE_SECRET"]) == {"X-Secret": SecretStr("s")}
    with pytest.raises(ConfigurationError, match="NAME=VARIABLE"):
        secret_headers(["X-Secret=NOT_SET"])


def test_routes_are_written_as_in_api_gateway() -> None:
    assert routes([]) is None
    assert routes(["GET /a=b=NONE", "ANY /{proxy+}=AWS_IAM"]) == {
        "GET /a=b": "NONE",
        "ANY /{proxy+}": "AWS_IAM",
    }
