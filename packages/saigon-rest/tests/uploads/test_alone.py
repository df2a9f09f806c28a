"""What is the client's or its machine's does not go to S3."""

import netrc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.auth import AuthBase, HTTPBasicAuth

from saigon.model.interface import HttpRequest
from saigon.rest import exceptions
from saigon.rest.client import RestClientBase, RestEvent


class Bearer(AuthBase):
    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.headers["Authorization"] = "of the client"
        return r


class Authorizer:
    def authorize(self, request: HttpRequest) -> HttpRequest:
        return replace(request, headers={**request.headers, "Authorization": "of the client"})


@pytest.fixture
def own_session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = "of the session"
        session.headers["X-Of-Session"] = "1"
        session.auth = HTTPBasicAuth("of", "session")
        session.cookies.set("of", "session", domain="127.0.0.1")
        session.params = {"of": "session"}
        yield session


def upload_both(
    client: RestClientBase, put_url: str, form_url: str, fields: Any, file: Path
) -> None:
    client.upload_file_to_url(put_url, file)
    client.upload_file_to_form(form_url, fields, file)


@pytest.fixture
def upload(
    put_url: Callable[..., str], form_url: str, form: Callable[..., Any], file: Path
) -> Callable[[RestClientBase], None]:
    """Send a file in both ways."""
    return lambda client: upload_both(client, put_url(), form_url, form(), file)


@pytest.mark.parametrize("auth", [Bearer(), Authorizer()], ids=["AuthBase", "RequestAuthorizer"])
def test_the_clients_authorization_stays_with_its_own_origin(
    server: Any, now: datetime, upload: Callable[[RestClientBase], None], auth: Any
) -> None:
    with RestClientBase(server.url, auth=auth, clock=lambda: now) as client:
        upload(client)
        client.request("GET", "/own")
    assert [seen.headers.get("Authorization") for seen in server.seen] == [
        None,
        None,
        "of the client",
    ]


def test_the_clients_headers_are_not_sent(
    server: Any, now: datetime, upload: Callable[[RestClientBase], None]
) -> None:
    headers = {"Authorization": "of the client", "X-Api-Key": "k", "Content-Type": "x/y"}
    with RestClientBase(server.url, headers=headers, clock=lambda: now) as client:
        upload(client)
    assert all({"Authorization", "X-Api-Key"}.isdisjoint(seen.headers) for seen in server.seen)
    assert "Content-Type" not in server.seen[0].headers
    assert all(seen.headers["Accept"] == "*/*" for seen in server.seen)


def test_a_session_of_the_callers_is_not_used(
    server: Any,
    now: datetime,
    own_session: requests.Session,
    upload: Callable[[RestClientBase], None],
) -> None:
    with RestClientBase(server.url, session=own_session, clock=lambda: now) as client:
        upload(client)
    for seen in server.seen:
        assert {"Authorization", "Cookie", "X-Of-Session"}.isdisjoint(seen.headers)
        assert "of=session" not in seen.target


def test_a_password_in_netrc_is_not_sent(
    client: RestClientBase,
    server: Any,
    upload: Callable[[RestClientBase], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passwords = tmp_path / "netrc"
    passwords.write_text("machine 127.0.0.1 login me password secret\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("NETRC", str(passwords))
    assert netrc.netrc(passwords).authenticators("127.0.0.1")
    assert requests.get(server.url, timeout=5).request.headers["Authorization"]
    upload(client)
    assert all("Authorization" not in seen.headers for seen in server.seen[1:])


def test_cookies_are_not_kept(
    client: RestClientBase, server: Any, upload: Callable[[RestClientBase], None]
) -> None:
    server.answer(200, Set_Cookie="of=user; Path=/")
    client.request("GET", "/own")
    server.answer(503, Set_Cookie="of=s3; Path=/")
    upload(client)
    assert all("Cookie" not in seen.headers for seen in server.seen)


def test_a_password_in_the_url_is_refused(
    client: RestClientBase, server: Any, put_url: Callable[..., str], file: Path
) -> None:
    host = urlsplit(server.url).netloc
    with pytest.raises(exceptions.PresignedUrlError, match="without a user") as caught:
        client.upload_file_to_url(put_url(at=f"http://me:secret@{host}"), file)
    assert "secret" not in str(caught.value)


def test_a_proxy_is_used_and_sees_nothing_of_the_client(
    *,
    server: Any,
    now: datetime,
    put_url: Callable[..., str],
    form: Callable[..., Any],
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    s3 = "http://bucket.s3.invalid"
    with RestClientBase("http://api.invalid", auth=Bearer(), clock=lambda: now) as client:
        upload_both(client, put_url(at=s3), s3, form(), file)
    assert [seen.target.partition("?")[0] for seen in server.seen] == [f"{s3}/bucket/key", f"{s3}/"]
    assert all("Authorization" not in seen.headers for seen in server.seen)
    assert server.seen[0].body == file.read_bytes()


def test_a_proxys_password_is_not_told_by_an_error(
    *,
    client: RestClientBase,
    dead_url: str,
    put_url: Callable[..., str],
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    everything: Callable[[BaseException], str],
) -> None:
    monkeypatch.setenv("HTTP_PROXY", dead_url.replace("//", "//me:secret@"))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(exceptions.ConnectError) as caught:
        client.upload_file_to_url(put_url(at="http://bucket.s3.invalid"), file)
    assert "secret" not in everything(caught.value)
    assert "hidden" not in everything(caught.value)


def test_hooks_are_told_without_the_query(
    server: Any, now: datetime, put_url: Callable[..., str], file: Path
) -> None:
    events: list[RestEvent] = []
    with RestClientBase(server.url, hooks=[events.append], clock=lambda: now) as client:
        client.upload_file_to_url(put_url(), file)
    assert [(event.method, event.url) for event in events] == [("PUT", f"{server.url}/bucket/key")]
