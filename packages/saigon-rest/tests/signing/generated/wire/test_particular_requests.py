"""What arrives of requests that clients have sent wrong."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests


def test_an_empty_file_arrives_with_its_length(put: Callable[..., Any], tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    with empty.open("rb") as file:
        arrived = put(data=file)
    assert arrived.headers["content-length"] == "0"
    assert "transfer-encoding" not in arrived.headers


def test_a_large_generator_arrives_whole_and_unchunked(
    put: Callable[..., Any], is_signed_right: Callable[..., bool]
) -> None:
    arrived = put(data=(b"x" * 700_000 for _ in range(3)))
    assert arrived.headers["content-length"] == "2100000"
    assert arrived.body == b"x" * 2_100_000
    assert is_signed_right(arrived)


def test_one_connection_carries_signed_requests_of_every_kind(
    raw_server_at: Callable[[str], Any],
    signer: Callable[..., Any],
    tmp_path: Path,
    is_signed_right: Callable[..., bool],
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"some bytes")
    server = raw_server_at("127.0.0.1")
    with requests.Session() as session, file.open("rb") as opened:
        session.trust_env = False
        session.auth = signer(server.host, aws_region="eu-west-1", aws_service="execute-api")
        for body in (None, b"bytes", opened, (part for part in [b"some", b" bytes"]), "text"):
            session.post(f"http://{server.host}/", data=body)
            assert is_signed_right(server.arrived.get(timeout=5))
        assert len(server.connections) == 1


def test_the_escapes_of_the_user_and_the_plus_of_requests_arrive_rewritten(
    put: Callable[..., Any],
) -> None:
    arrived = put("/a%c3%a9//b/%2e/c%2fd?q=a+b&r=%2b&s=~&t=(*)")
    assert arrived.line == (b"PUT /a%C3%A9/b/c%2Fd?q=a%20b&r=%2B&s=~&t=%28%2A%29 HTTP/1.1")


def test_an_ipv6_host_arrives_as_it_was_signed(
    raw_server_at: Callable[[str], Any],
    signer: Callable[..., Any],
    is_signed_right: Callable[..., bool],
) -> None:
    if not _has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    server = raw_server_at("::1")
    with requests.Session() as session:
        session.trust_env = False
        session.auth = signer(server.host, aws_region="eu-west-1", aws_service="execute-api")
        session.get(f"http://{server.host}/")
        arrived = server.arrived.get(timeout=5)
        assert arrived.headers["host"] == server.host
        assert is_signed_right(arrived)


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
