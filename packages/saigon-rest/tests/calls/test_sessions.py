import gzip
import io
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from saigon.rest import exceptions
from saigon.rest.client import RestClientBase

FORKING = """
import os, sys
from saigon.rest.client import RestClientBase

with RestClientBase(sys.argv[1]) as client:
    client.request("GET", "/parent")
    child = os.fork()
    client.request("GET", "/child" if child == 0 else "/parent")
    if child:
        assert os.waitpid(child, 0)[1] == 0
"""

WAITING = """
import os, sys
from saigon.rest.client import RestClientBase, RetryPolicy
from saigon.rest.exceptions import RestError

naps = []
client = RestClientBase(sys.argv[1], sleep=naps.append)
child = os.fork()
try:
    client.request("GET", "/")
except RestError:
    if child:
        assert os.waitpid(child, 0)[1] == 0
    print(naps, flush=True)
client.close()
"""


def test_one_connection_carries_many_calls(client: RestClientBase, server: Any) -> None:
    for _ in range(100):
        client.request("GET", "/")
    assert server.connections == 1


def test_threads_get_their_own_answers_over_few_connections(
    caller: RestClientBase, scripted: Any, steps: Any
) -> None:
    for _ in range(50):
        scripted.connection(steps.echo())
    begun = threading.Barrier(50)
    wrong: list[object] = []

    def call(number: int) -> None:
        begun.wait()
        for turn in range(20):
            path = f"/{number}/{turn}"
            got = caller.get_resource(path, bytes)
            if got != path.encode():
                wrong.append((path, got))

    threads = [threading.Thread(target=call, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert scripted.connections <= 50


def test_no_cookie_is_kept(client: RestClientBase, server: Any) -> None:
    server.answer(200, Set_Cookie="session=alice; Path=/")
    server.answer(302, Set_Cookie="session=bob; Path=/", Location="/c")
    for path in ("/a", "/b", "/d"):
        client.request("GET", path)
    assert [seen.target for seen in server.seen] == ["/a", "/b", "/c", "/d"]
    assert all("Cookie" not in seen.headers for seen in server.seen)
    assert not list(client._sender.session.cookies)


def test_no_password_is_taken_from_netrc(
    client: RestClientBase, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    client.request("GET", "/a")
    client.upload_file_to_url(f"{server.url}/bucket/key", io.BytesIO(b"x"))
    with requests.Session() as session, RestClientBase(server.url, session=session) as other:
        other.request("GET", "/b")
    assert len(server.seen) == 3
    assert all("Authorization" not in seen.headers for seen in server.seen)


def test_a_forked_process_shares_no_connection(server: Any) -> None:
    command = [sys.executable, "-c", FORKING, server.url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert not done.returncode, done.stderr
    assert sorted(seen.target for seen in server.seen) == ["/child", "/parent", "/parent"]
    assert server.connections == 2


def test_forked_processes_do_not_wait_for_as_long_as_each_other(dead_url: str) -> None:
    command = [sys.executable, "-c", WAITING, dead_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert not done.returncode, done.stderr
    first, second = done.stdout.splitlines()
    assert first != second


def test_a_closed_client_says_so(client: RestClientBase, server: Any, tmp_path: Path) -> None:
    pages = client.paginate("/", dict)
    with client:
        client.request("GET", "/")
    for call in (
        lambda: client.request("GET", "/"),
        lambda: client.download_to("/", tmp_path / "f"),
        lambda: client.upload_file_to_url(f"{server.url}/key", io.BytesIO()),
        lambda: next(pages),
        client.__enter__,
    ):
        with pytest.raises(exceptions.InvalidRequestError, match="closed"):
            call()
    client.close()
    assert len(server.seen) == 1


def test_a_stream_may_be_read_to_its_end_while_the_client_is_closed(
    client: RestClientBase, server: Any
) -> None:
    server.answer(200, b"x" * 3_000_000)
    with client.stream("/f") as stream:
        client.close()
        assert sum(map(len, stream.iter_bytes())) == 3_000_000


class Watched(requests.Session):
    closed = False

    def close(self) -> None:
        self.closed = True
        super().close()


def test_a_session_that_was_handed_in_stays_open_and_as_it_is(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    with Watched() as session:
        session.headers["X-Own"] = "1"
        session.cookies.set("own", "1")
        session.auth = ("user", "password")
        server.answer(302, Location="/b")
        with make_client(session=session) as client:
            client.request("GET", "/a")
        assert not session.closed
    assert [seen.target for seen in server.seen] == ["/a", "/b"]
    for seen in server.seen:
        assert (seen.headers["X-Own"], seen.headers["Cookie"]) == ("1", "own=1")
        assert seen.headers["Authorization"].startswith("Basic ")


def test_an_authorizer_comes_before_that_of_a_session(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    with Watched() as session:
        session.auth = ("user", "password")

        class Bearer(requests.auth.AuthBase):
            def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
                r.headers["Authorization"] = "Bearer t"
                return r

        make_client(session=session, auth=Bearer()).request("GET", "/a")
    assert server.seen[0].headers["Authorization"] == "Bearer t"


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def test_a_proxy_of_the_environment_is_used_and_gets_its_password(
    make_client: Callable[..., RestClientBase],
    scripted: Any,
    steps: Any,
    no_proxy: pytest.MonkeyPatch,
) -> None:
    no_proxy.setenv("HTTP_PROXY", scripted.url.replace("//", "//user:hidden@"))
    client = make_client("http://api.invalid/prod")
    client.request("GET", "/a")
    assert scripted.requests[0].line == b"GET http://api.invalid/prod/a HTTP/1.1"
    assert (scripted.requests[0].header("Proxy-Authorization") or "").startswith("Basic ")
    scripted.connection()
    no_proxy.setenv("NO_PROXY", "127.0.0.1")
    direct = make_client(scripted.url)
    direct.request("GET", "/b")
    assert scripted.requests[1].line == b"GET /b HTTP/1.1"
    assert scripted.requests[1].header("Proxy-Authorization") is None


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_s_password_is_not_told(  # noqa: PLR0917  # fixtures
    make_client: Callable[..., RestClientBase],
    dead_url: str,
    scripted: Any,
    steps: Any,
    no_proxy: pytest.MonkeyPatch,
    secrets_in: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
    scheme: str,
) -> None:
    caplog.set_level("DEBUG")
    for proxy in (dead_url, scripted.url, "http://user:hidden@:bad"):
        no_proxy.setenv(f"{scheme.upper()}_PROXY", proxy.replace("//", "//user:hidden@", 1))
        scripted.connection(steps.answer(407, Proxy_Authenticate="Basic"))
        with pytest.raises(exceptions.RestError) as caught:
            make_client(f"{scheme}://api.invalid/prod").request("POST", "/a")
        assert "hidden" not in secrets_in(caught.value)
    assert "hidden" not in caplog.text


class Adapter(HTTPAdapter):
    """Answers without a network, from a plain file."""

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.raw = 200, io.BytesIO(b"x" * 100_000)
        response.headers["Content-Encoding"] = "gzip"  # of what was undone
        response.request = request
        return response


def test_an_adapter_that_is_no_network_gives_bodies_as_they_are(
    make_client: Callable[..., RestClientBase],
) -> None:
    with requests.Session() as session:
        session.mount("http://", Adapter())
        client = make_client("http://x", session=session)
        assert client.get_resource("/", bytes) == b"x" * 100_000
        with client.stream("/") as stream:
            assert b"".join(stream.iter_bytes(10)) == b"x" * 100_000


def test_a_hook_of_a_session_may_read_the_body_first(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    seen = []
    with requests.Session() as session:
        session.hooks["response"].append(lambda response, **_: seen.append(response.content))
        client = make_client(session=session)
        server.answer(200, gzip.compress(b"abc"), Content_Encoding="gzip")
        assert client.get_resource("/", bytes) == b"abc"
        assert seen == [b"abc"]


def test_a_session_asks_for_what_is_undone(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    with requests.Session() as session:
        session.headers["Accept-Encoding"] = "gzip, br, zstd"
        for client in (make_client(), make_client(session=session)):
            client.request("GET", "/")
        make_client(headers={"accept-encoding": "br"}).request("GET", "/")
    assert [seen.headers["Accept-Encoding"] for seen in server.seen] == ["gzip, deflate"] * 2 + [
        "br"
    ]
