"""Answers of Secrets Manager that break on the wire, and what becomes of the value in them."""

import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from boto3.session import Session
from botocore.config import Config
from pydantic import BaseModel

from saigon.aws.secrets import AwsSecretVault, SecretError, SecretUnavailableError

VALUE = "hunter2-the-value"
BODY = f'{{"Name": "db", "ARN": "arn:db", "SecretString": "{VALUE}"}}'.encode()
BATCH = b'{"SecretValues": [' + BODY + b"]}"


class Login(BaseModel):
    username: str


def answer(head: str, body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body


CUT = answer(f"Content-Length: {len(BODY)}", BODY[:-1])
CUT_CHUNK = answer("Transfer-Encoding: chunked", b"ff\r\n" + BATCH)
NO_CHUNK = answer("Transfer-Encoding: chunked", VALUE.encode() + b"\r\n")
A_LIST = answer(f"Content-Length: {len(BODY) + 2}", b"[" + BODY + b"]")
A_TEXT = answer("Content-Length: 19", f'"{VALUE}"'.encode())
NO_JSON = answer(f"Content-Length: {len(BODY)}", BODY[::-1])
A_NUMBER = answer("Content-Length: 19", b'{"SecretString": 7}')
NO_HTTP = VALUE.encode() + b"\r\n\r\n"
ANSWERS = {
    "cut": CUT,
    "cut in a chunk": CUT_CHUNK,
    "no chunk": NO_CHUNK,
    "a list": A_LIST,
    "a text": A_TEXT,
    "no JSON": NO_JSON,
    "a number": A_NUMBER,
    "no HTTP": NO_HTTP,
    "nothing": b"",
}


@pytest.fixture(scope="module")
def answering() -> Iterator[Callable[[bytes], Any]]:
    """Give a function that makes a client whose requests all get one answer."""
    listener = socket.create_server(("127.0.0.1", 0))
    answers: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(answers[0])

    thread = threading.Thread(target=serve)
    thread.start()
    client = Session("id", "key", region_name="eu-west-1").client(
        "secretsmanager",
        endpoint_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
        config=Config(retries={"max_attempts": 0}, proxies={}),
    )

    def make(content: bytes) -> Any:
        answers[:] = [content]
        return client

    yield make
    client.close()
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


READS: dict[str, Callable[[AwsSecretVault], object]] = {
    "model": lambda vault: vault.get_secret(Login, "db"),
    "string": lambda vault: vault.get_secret_string("db"),
    "bytes": lambda vault: vault.get_secret_bytes("db"),
    "batch": lambda vault: vault.get_secrets(Login, ["db"]),
}


@pytest.mark.parametrize("content", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_an_answer_that_breaks_is_an_error_of_ours_without_the_value(
    answering: Callable[[bytes], Any], content: bytes, read: Callable[[AwsSecretVault], object]
) -> None:
    with pytest.raises(SecretError) as caught:
        read(AwsSecretVault(answering(content)))
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert VALUE not in "".join(traceback.format_exception(error))
    assert VALUE not in repr(vars(error))


@pytest.mark.parametrize("content", [CUT, CUT_CHUNK, NO_CHUNK, NO_HTTP, b""])
def test_an_answer_that_did_not_come_whole_is_an_outage(
    answering: Callable[[bytes], Any], content: bytes
) -> None:
    vault = AwsSecretVault(
        answering(answer(f"Content-Length: {len(BODY)}", BODY)),
        ttl=timedelta(0),
        stale_if_error=timedelta(minutes=1),
    )
    assert vault.get_secret_string("db").get_secret_value() == VALUE
    answering(content)
    assert vault.get_secret_string("db").get_secret_value() == VALUE
    with pytest.raises(SecretUnavailableError):
        vault.refresh("db")
