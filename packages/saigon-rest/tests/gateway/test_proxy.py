import gzip
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from saigon.rest.client import RestClientBase, RetryPolicy
from saigon.rest.exceptions import ConfigurationError, ForbiddenError, ServerError
from saigon.rest.gateway import CallersFile, LocalGateway, UpstreamProxy
from saigon.rest.gateway.__main__ import main, secret_headers
from saigon.rest.sigv4 import SigV4Auth


def caller_document(caller: Any) -> dict[str, Any]:
    return {
        **vars(caller),
        "secret_access_key": caller.secret_access_key.get_secret_value(),
        "session_token": caller.session_token.get_secret_value(),
        "expiration": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }


def signing_client(base_url: str, caller: Any) -> RestClientBase:
    auth = SigV4Auth(
        caller.access_key_id,
        caller.secret_access_key,
        base_url.removeprefix("http://"),
        "eu-west-1",
        "execute-api",
        caller.session_token,
    )
    return RestClientBase(base_url, auth=auth, retry=RetryPolicy(attempts=1))


def test_a_request_is_passed_on_as_it_came(serve: Callable[[Any], str], server: Any) -> None:
    address = serve(UpstreamProxy(server.url + "/stage"))
    server.answer(201, b"done", X_Answer="1", Set_Cookie="a=1")
    response = requests.put(
        f"{address}/a%2Fb;c?q=a%20b&q=%2B",
        data=b"body",
        headers={"X-Own": "1", "Accept-Encoding": "identity", "User-Agent": "own"},
        timeout=5,
    )
    seen = server.seen[0]
    assert (response.status_code, response.content) == (201, b"done")
    assert (response.headers["X-Answer"], response.headers["Set-Cookie"]) == ("1", "a=1")
    assert (seen.method, seen.body) == ("PUT", b"body")
    assert seen.target == "/stage/a%2Fb;c?q=a%20b&q=%2B"
    assert (seen.headers["X-Own"], seen.headers["User-Agent"]) == ("1", "own")
    assert seen.headers["Accept-Encoding"] == "identity"
    assert seen.headers["Host"] == server.url.removeprefix("http://")


def test_a_compressed_answer_and_a_redirect_are_passed_back(
    serve: Callable[[Any], str], server: Any
) -> None:
    address = serve(UpstreamProxy(server.url))
    server.answer(200, gzip.compress(b"text"), Content_Encoding="gzip")
    assert requests.get(address, timeout=5).text == "text"
    server.answer(302, Location="/elsewhere")
    response = requests.get(address, timeout=5, allow_redirects=False)
    assert (response.status_code, response.headers["Location"]) == (302, "/elsewhere")


def test_a_dead_service_is_a_bad_gateway(serve: Callable[[Any], str], dead_url: str) -> None:
    response = requests.get(serve(UpstreamProxy(dead_url)), timeout=5)
    assert (response.status_code, response.json()) == (502, {"message": "Internal server error"})


def test_a_slow_service_is_a_gateway_timeout(serve: Callable[[Any], str], server: Any) -> None:
    respond = server.respond

    def respond_late(handler: Any) -> None:
        time.sleep(0.2)
        with suppress(OSError):
            respond(handler)

    server.respond = respond_late
    response = requests.get(serve(UpstreamProxy(server.url, timeout=0.05)), timeout=5)
    assert (response.status_code, response.json()) == (
        504,
        {"message": "Endpoint request timed out"},
    )


def test_gateway_and_proxy_stand_before_a_service(
    serve: Callable[[Any], str], server: Any, make_caller: Any, tmp_path: Path
) -> None:
    alice, bob = make_caller("alice"), make_caller("bob")
    path = tmp_path / "callers.json"
    path.write_text(json.dumps([caller_document(alice)]))
    address = serve(
        LocalGateway(
            UpstreamProxy(server.url),
            credentials=CallersFile(path),
            secret_headers={"X-Gateway-Secret": SecretStr("s")},
        )
    )
    with signing_client(address, alice) as client:
        client.request("POST", "/orders/{id}", path_params={"id": "a/b c"}, body={"a": 1})
    with signing_client(address, bob) as client, pytest.raises(ForbiddenError):
        client.request("GET", "/orders")
    path.write_text(json.dumps([caller_document(alice), caller_document(bob)]))
    with signing_client(address, bob) as client:
        client.request("GET", "/orders")
    assert [seen.headers["X-Api-IdentityId"] for seen in server.seen] == [
        "eu-west-1:alice",
        "eu-west-1:bob",
    ]
    assert server.seen[0].target == "/orders/a%2Fb%20c"
    assert server.seen[0].headers["X-Gateway-Secret"] == "s"


def test_a_callers_file_is_checked_and_its_secrets_are_masked(
    make_caller: Any, tmp_path: Path
) -> None:
    path = tmp_path / "callers.json"
    path.write_text(json.dumps([caller_document(make_caller("alice"))]))
    find = CallersFile(path)
    assert find("NOBODY") is None
    assert "secret-of-alice" not in repr(find("ASIAALICE"))
    path.write_text('[{"secret_access_key": "hidden"}]')
    with pytest.raises(ConfigurationError, match="faults, the first at 0") as caught:
        find("ASIAALICE")
    assert "hidden" not in f"{caught.value} {caught.value.__context__}"


def test_secret_headers_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_SECRET", "s")
    assert secret_headers(["X-Secret=THE_SECRET"]) == {"X-Secret": SecretStr("s")}
    with pytest.raises(ConfigurationError, match="NAME=VARIABLE"):
        secret_headers(["X-Secret=NOT_SET"])


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (None, [], "No such file"),
        ("{}", [], "expected a list of callers"),
        ("[]", ["--secret-header", "X-Secret=NOT_SET"], "with the variable set"),
    ],
)
def test_the_command_tells_what_is_wrong_before_it_serves(
    content: str | None,
    options: list[str],
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "callers.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SystemExit) as caught:
        main(["--upstream", "http://127.0.0.1:1", "--credentials", str(path), *options])
    assert caught.value.code == 2
    assert expected in capsys.readouterr().err


def test_the_command_serves_on_loopback(server: Any, make_caller: Any, tmp_path: Path) -> None:
    path = tmp_path / "callers.json"
    path.write_text(json.dumps([caller_document(make_caller("alice"))]))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    command = [sys.executable, "-m", "saigon.rest.gateway", "--upstream", server.url]
    command += ["--credentials", str(path), "--port", str(port), "--secret-header", "X-Own=OWN"]
    process = subprocess.Popen(
        command, env={**os.environ, "OWN": "s"}, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        lines: list[str] = []
        while not (lines and "running on" in lines[-1].lower()):
            line = process.stderr.readline()
            assert line, lines
            lines.append(line)
        assert f"http://127.0.0.1:{port}" in lines[-1]
        with signing_client(f"http://127.0.0.1:{port}", make_caller("alice")) as client:
            client.request("GET", "/orders")
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert server.seen[0].headers["X-Own"] == "s"


def test_a_failure_of_the_service_is_an_error_of_the_client(
    serve: Callable[[Any], str], dead_url: str, make_caller: Any
) -> None:
    alice = make_caller("alice", expiration=datetime.now(UTC) + timedelta(hours=1))
    address = serve(
        LocalGateway(
            UpstreamProxy(dead_url, flavour="http"), credentials=lambda _: alice, flavour="http"
        )
    )
    with signing_client(address, alice) as client, pytest.raises(ServerError) as caught:
        client.request("GET", "/orders")
    assert caught.value.status == 502
    assert caught.value.request_id
