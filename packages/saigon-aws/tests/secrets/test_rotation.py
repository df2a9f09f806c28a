"""A secret that is used while it is being rotated."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import BaseModel, SecretStr

from saigon.aws.secrets import (
    AwsSecretVault,
    SecretAccessDeniedError,
    SecretDecodeError,
    SecretNotFoundError,
)


class Login(BaseModel):
    username: str
    password: SecretStr


class RefusedError(Exception):
    kind = "auth"  # as that of saigon.orm's errors


class World:
    """A secret, a database that takes some passwords, and a clock that only sleeping moves."""

    def __init__(self) -> None:
        self.stages = {"AWSCURRENT": "old"}
        self.accepted = {"old"}
        self.calls: list[str] = []
        self.tried: list[str] = []
        self.slept: list[float] = []
        self.now = 0.0
        self.on_sleep: Callable[[], object] = lambda: None
        self.failure: str | None = None
        self.vault = AwsSecretVault(self, clock=lambda: self.now, sleep=self.sleep)  # type: ignore[arg-type]  # the one call that it makes is here

    def get_secret_value(self, *, VersionStage: str, SecretId: str) -> dict[str, str]:  # noqa: N803  # boto3's
        self.calls.append(VersionStage)
        code = self.failure or "ResourceNotFoundException"
        if self.failure or VersionStage not in self.stages:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetSecretValue")
        password = self.stages[VersionStage]
        return {"SecretString": f'{{"username": "app", "password": "{password}"}}'}

    def log_in(self, login: Login) -> str:
        password = login.password.get_secret_value()
        self.tried.append(password)
        if password not in self.accepted:
            raise RefusedError
        return f"as {login.username} with {password}"

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.on_sleep()

    def work(self, **options: Any) -> str:
        return self.vault.with_rotation_retry("db", Login, self.log_in, **options)


@pytest.fixture
def world() -> World:
    return World()


def test_a_value_that_is_accepted_is_used_once(world: World) -> None:
    assert [world.work(), world.work()] == ["as app with old"] * 2
    assert world.calls == ["AWSCURRENT"]
    assert world.slept == []


def test_a_rotated_value_is_used_at_once(world: World) -> None:
    world.work()
    world.stages["AWSCURRENT"] = "new"
    world.accepted = {"new"}
    assert world.work() == "as app with new"
    assert world.tried == ["old", "old", "new"]
    assert world.slept == []
    assert world.work() == "as app with new"
    assert len(world.calls) == 2


def test_a_value_that_is_not_yet_in_force_is_waited_for(world: World) -> None:
    world.stages["AWSCURRENT"] = "new"

    def catch_up() -> None:
        if len(world.slept) == 3:
            world.accepted = {"new"}

    world.on_sleep = catch_up
    assert world.work() == "as app with new"
    assert world.tried == ["new"] * 4
    assert len(world.slept) == 3


def test_a_value_that_was_just_refused_is_not_offered_again_at_once(world: World) -> None:
    world.accepted = set()
    world.on_sleep = lambda: world.tried.append("pause")
    with pytest.raises(RefusedError):
        world.work()
    assert world.tried[:4] == ["old", "pause", "old", "pause"]


def test_after_half_a_minute_the_refusal_is_the_callers(world: World) -> None:
    world.accepted = set()
    with pytest.raises(RefusedError) as caught:
        world.work()
    assert caught.value.__context__ is None
    assert 20 < world.now <= 30
    assert 5 <= len(world.slept) <= 12
    assert 0.25 <= world.slept[0] <= 0.5
    assert max(world.slept) <= 8


def test_pauses_differ_from_one_caller_to_another() -> None:
    worlds = [World() for _ in range(5)]
    for world in worlds:
        world.accepted = set()
        with pytest.raises(RefusedError):
            world.work()
    assert len({world.slept[0] for world in worlds}) > 1


def test_the_previous_user_is_tried_only_where_two_alternate(world: World) -> None:
    world.stages = {"AWSCURRENT": "new", "AWSPREVIOUS": "old"}
    assert world.work(try_previous=True) == "as app with old"
    assert world.slept == []
    world.tried.clear()
    with pytest.raises(RefusedError):
        world.work()
    assert "old" not in world.tried


def test_a_secret_without_a_previous_version_is_waited_for(world: World) -> None:
    world.accepted = set()
    world.on_sleep = lambda: world.accepted.add("old")
    assert world.work(try_previous=True) == "as app with old"
    assert world.calls.count("AWSPREVIOUS") == 1


def test_the_previous_version_is_asked_for_anew(world: World) -> None:
    world.stages = {"AWSCURRENT": "second", "AWSPREVIOUS": "first"}
    assert world.vault.get_secret(Login, "db", version_stage="AWSPREVIOUS").username == "app"
    world.stages = {"AWSCURRENT": "third", "AWSPREVIOUS": "second"}
    world.accepted = {"second"}
    assert world.work(try_previous=True) == "as app with second"
    assert "first" not in world.tried


@pytest.mark.parametrize("previous", ["old", "new"])
def test_no_value_is_offered_twice_without_a_pause(world: World, previous: str) -> None:
    world.work()
    world.stages = {"AWSCURRENT": "new", "AWSPREVIOUS": previous}
    world.accepted = set()
    world.tried.clear()
    world.on_sleep = lambda: world.tried.append("pause")
    with pytest.raises(RefusedError):
        world.work(try_previous=True)
    assert world.tried[:4] == ["old", "new", "pause", "new"]


def test_a_value_that_is_only_written_otherwise_is_the_same_one(world: World) -> None:
    world.stages["AWSCURRENT"] = 'old", "more": "'
    world.work(is_refusal=lambda _: False)
    world.stages["AWSCURRENT"], world.accepted = 'old", "more": "else', set()
    world.tried.clear()
    world.on_sleep = lambda: world.tried.append("pause")
    with pytest.raises(RefusedError):
        world.work()
    assert world.tried[:2] == ["old", "pause"]


@pytest.mark.parametrize("previous", ["[", 'x", "username": 7, "y": "'])
def test_a_previous_version_of_another_shape_is_passed_over(world: World, previous: str) -> None:
    world.stages = {"AWSCURRENT": "new", "AWSPREVIOUS": previous}
    world.accepted = set()
    world.on_sleep = lambda: world.accepted.add("new")
    assert world.work(try_previous=True) == "as app with new"


def test_a_value_that_is_no_model_is_no_refusal(world: World) -> None:
    world.stages["AWSCURRENT"] = 'x", "username": 7, "y": "'
    with pytest.raises(SecretDecodeError):
        world.work(is_refusal=lambda _: True)
    assert world.slept == []


def test_an_error_of_another_kind_passes_at_once(world: World) -> None:
    def fail(login: Login) -> None:
        raise LookupError(login.username)

    with pytest.raises(LookupError):
        world.vault.with_rotation_retry("db", Login, fail)
    assert world.calls == ["AWSCURRENT"]


def test_a_caller_can_say_what_a_refusal_is(world: World) -> None:
    def log_in(login: Login) -> str:
        try:
            return world.log_in(login)
        except RefusedError:
            raise PermissionError from None

    world.work()
    world.stages["AWSCURRENT"] = "new"
    world.accepted = {"new"}
    with pytest.raises(PermissionError):
        world.vault.with_rotation_retry("db", Login, log_in)
    got = world.vault.with_rotation_retry(
        "db", Login, log_in, is_refusal=lambda error: isinstance(error, PermissionError)
    )
    assert got == "as app with new"


def test_an_outage_of_secrets_manager_does_not_end_the_wait(world: World) -> None:
    world.work()
    world.accepted, world.failure = set(), "ThrottlingException"
    world.stages["AWSCURRENT"] = "new"

    def recover() -> None:
        world.accepted, world.failure = {"new"}, None

    world.on_sleep = recover
    assert world.work() == "as app with new"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDeniedException", SecretAccessDeniedError),
        ("ResourceNotFoundException", SecretNotFoundError),
    ],
)
def test_a_secret_that_is_refused_itself_is_told(
    world: World, code: str, error: type[Exception]
) -> None:
    world.work()
    world.accepted, world.failure = set(), code
    with pytest.raises(error):
        world.work()


def test_a_new_value_of_another_shape_is_told(world: World) -> None:
    world.work()
    world.stages["AWSCURRENT"], world.accepted = 'x", "username": 7, "y": "', set()
    with pytest.raises(SecretDecodeError):
        world.work()


def test_threads_that_are_refused_together_share_the_questions(world: World) -> None:
    world.work()
    barrier = threading.Barrier(20)
    world.calls.clear()

    def log_in(login: Login) -> str:
        if login.password.get_secret_value() == "old":
            barrier.wait(10)
            world.stages["AWSCURRENT"], world.accepted = "new", {"new"}
        return world.log_in(login)

    def work(_: int) -> str:
        return world.vault.with_rotation_retry("db", Login, log_in)

    with ThreadPoolExecutor(20) as threads:
        got = set(threads.map(work, range(20)))
    assert got == {"as app with new"}
    assert len(world.calls) <= 3
    assert world.slept == []


class Wrapped(Exception):  # noqa: N818  # as SQLAlchemy's, whatever it is called
    def __init__(self, orig: Exception) -> None:
        super().__init__("(driver) error")
        self.orig = orig


class DriverError(Exception):
    def __init__(self, *args: object, **facts: object) -> None:
        super().__init__(*args)
        for name, fact in facts.items():
            setattr(self, name, fact)


class OperationalError(DriverError):
    """What PEP 249 calls it."""


REFUSALS = {
    "saigon.orm": DriverError(kind="auth"),
    "psycopg": OperationalError(
        'connection failed: FATAL:  password authentication failed for user "a"'
    ),
    "psycopg with a state": DriverError(sqlstate="28P01"),
    "psycopg2": DriverError(pgcode="28000"),
    "PyMySQL": OperationalError(1045, "Access denied for user"),
    "MariaDB": OperationalError(1698, "Access denied for user"),
    "SQLAlchemy": Wrapped(DriverError(sqlstate="28P01")),
    "requests": DriverError(response=SimpleNamespace(status_code=401)),
}
OTHERS = {
    "saigon.orm": DriverError(kind="unique"),
    "psycopg": OperationalError("connection failed: Connection refused", sqlstate=None),
    "psycopg with a state": DriverError(sqlstate="42501"),
    "PyMySQL": OperationalError(1044, "Access denied for user to database"),
    "SQLAlchemy": Wrapped(DriverError(sqlstate="23505")),
    "requests": DriverError(response=SimpleNamespace(status_code=403)),
    "without a response": DriverError(response=None),
    "a true": OperationalError(True, "text"),
    "a key": KeyError(1045),
    "an errno": OSError(1045, "text"),
    "a text": ValueError("password authentication failed"),
}


@pytest.mark.parametrize("error", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_of_a_usual_client_is_known(world: World, error: Exception) -> None:
    world.work()
    world.stages["AWSCURRENT"] = "new"

    def log_in(login: Login) -> str:
        if login.password.get_secret_value() == "old":
            raise error
        return "in"

    assert world.vault.with_rotation_retry("db", Login, log_in) == "in"


@pytest.mark.parametrize("error", OTHERS.values(), ids=OTHERS)
def test_another_error_of_a_usual_client_is_no_refusal(world: World, error: Exception) -> None:
    def fail(login: Login) -> None:
        raise error

    with pytest.raises(type(error)):
        world.vault.with_rotation_retry("db", Login, fail)
    assert world.calls == ["AWSCURRENT"]
