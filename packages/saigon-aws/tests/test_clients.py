"""The clients that are made where none was handed in."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3.session
import pytest
from pydantic import BaseModel

from saigon.aws import _clients
from saigon.aws._clients import OncePerProcess, shared_client
from saigon.aws.secrets import AwsSecretVault, get_secret_as_model
from saigon.aws.testing import LocalAws


class Login(BaseModel):
    username: str


@pytest.fixture
def made(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count the clients that are made, in an environment that leads to the tests' AWS."""
    names: list[str] = []
    original = boto3.session.Session.client

    def client(self: boto3.session.Session, service_name: str, **options: object) -> object:
        names.append(service_name)
        return original(self, service_name, **options)  # type: ignore[call-overload]  # typed for literal names alone

    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", aws.session().region_name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key")
    monkeypatch.setattr(boto3.session.Session, "client", client)
    monkeypatch.setattr(_clients, "_shared", {})
    return names


def test_a_missing_client_is_made_once_however_many_threads_need_it(
    aws_secret: str, made: list[str]
) -> None:
    barrier = threading.Barrier(20)
    vault = AwsSecretVault()

    def read(number: int) -> str:
        barrier.wait(10)
        if number % 2:
            return vault.get_secret(Login, aws_secret).username
        return get_secret_as_model(Login, aws_secret).username

    with ThreadPoolExecutor(20) as threads:
        assert set(threads.map(read, range(20))) == {"saigon"}
    assert made == ["secretsmanager"]


def test_none_is_made_before_it_is_needed(made: list[str]) -> None:
    AwsSecretVault()
    assert made == []


def test_a_changed_environment_gets_a_client_of_its_own(
    made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shared_client("secretsmanager")
    monkeypatch.setenv("SOME_OTHER_VARIABLE", "1")
    assert shared_client("secretsmanager") is first
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    second = shared_client("secretsmanager")
    assert second.meta.region_name == "eu-central-1"
    assert len(made) == 2


def test_a_forked_child_shares_no_connections(
    made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shared_client("secretsmanager")
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert shared_client("secretsmanager") is not first
    assert made == ["secretsmanager"] * 2


def test_what_is_asked_for_while_it_is_made_is_an_error_and_no_deadlock() -> None:
    def make() -> str:
        with pytest.raises(RuntimeError, match="by this thread"):
            once.get()
        return "made"

    once = OncePerProcess(make)
    assert once.get() == "made"


def test_what_could_not_be_made_is_tried_again() -> None:
    outcomes: list[Any] = [LookupError(), "made"]

    def make() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return str(outcome)

    once = OncePerProcess(make)
    with pytest.raises(LookupError):
        once.get()
    assert once.get() == "made"


def test_credentials_are_not_kept_a_second_time(
    made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-the-test")
    shared_client("secretsmanager")
    assert made
    assert "a-secret-of-the-test" not in repr(_clients._shared)
