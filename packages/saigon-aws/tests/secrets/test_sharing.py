"""Calls that threads share: interrupted, forked, nested, in batches and in an outage."""

import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoRegionError
from pydantic import BaseModel

from saigon.aws.secrets import (
    AwsSecretVault,
    SecretError,
    SecretNotFoundError,
    SecretUnavailableError,
    get_secret_as_model,
)
from saigon.aws.secrets._flights import Flights


class Named(BaseModel):
    name: str


def arn_of(name: str, account: int = 1) -> str:
    return f"arn:aws:secretsmanager:eu-west-1:{account}:secret:{name}-abcdef"


class Server:
    """Secrets Manager with some secrets, whose calls can be looked into."""

    def __init__(self, *names: str) -> None:
        self.arns = {arn_of(name): name for name in names}
        self.calls: list[list[str]] = []
        self.on_call: Callable[[], object] = lambda: None
        self.failure: Exception | None = None
        self.extra: dict[str, Any] = {}

    def get_secret_value(self, **given: str) -> dict[str, Any]:
        self._called([given["SecretId"]])
        return self._item(next(a for a, n in self.arns.items() if given["SecretId"] in {a, n}))

    def batch_get_secret_value(self, **given: Any) -> dict[str, Any]:
        names = given["SecretIdList"]
        self._called(names)
        found = [a for a, n in self.arns.items() if {a, n, a[:-7]} & set(names)]
        return {"SecretValues": [self._item(arn) for arn in found], **self.extra}

    def _called(self, names: list[str]) -> None:
        self.calls.append(names)
        on_call, self.on_call = self.on_call, lambda: None
        on_call()
        if self.failure is not None:
            raise self.failure

    def _item(self, arn: str) -> dict[str, str]:
        return {"ARN": arn, "Name": self.arns[arn], "SecretString": f'{{"name": "{arn}"}}'}


def refusal(
    code: str, status: int = 400, operation: str = "GetSecretValue", message: str = "no"
) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, operation)


@pytest.fixture
def server() -> Server:
    return Server("a", "b", "c")


@pytest.fixture
def vault(server: Any) -> AwsSecretVault:
    return AwsSecretVault(server)


def in_a_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.fixture
def interrupted_at() -> Iterator[Callable[[str, str], None]]:
    """Give a function that interrupts this thread at the first event of a kind in a function."""
    before = sys.gettrace()

    def interrupt(name: str, kind: str) -> None:
        def trace(frame: FrameType, event: str, _: object) -> Any:
            if frame.f_code.co_name == name and event == kind:
                sys.settrace(before)
                raise KeyboardInterrupt
            return trace

        sys.settrace(trace)

    yield interrupt
    sys.settrace(before)


@pytest.mark.parametrize("kind", ["call", "line", "return"])
@pytest.mark.parametrize("name", ["_lead", "_register", "_land", "_keep", "_fetch", "get_many"])
def test_an_interrupt_anywhere_leaves_nobody_waiting(
    vault: AwsSecretVault, interrupted_at: Callable[[str, str], None], name: str, kind: str
) -> None:
    def read() -> None:
        interrupted_at(name, kind)
        vault.get_secret(Named, "a")

    with pytest.raises(KeyboardInterrupt):
        read()
    assert vault.get_secret(Named, "a").name == arn_of("a")


def test_a_thread_that_waits_for_an_interrupted_one_asks_itself(
    server: Server, vault: AwsSecretVault
) -> None:
    waiting: list[threading.Thread] = []

    def interrupt() -> None:
        waiting.append(in_a_thread(lambda: vault.get_secret(Named, "a")))
        waiting[0].join(0.05)
        raise KeyboardInterrupt

    server.on_call = interrupt
    with pytest.raises(KeyboardInterrupt):
        vault.get_secret(Named, "a")
    waiting[0].join(10)
    assert server.calls == [["a"], ["a"]]


def test_a_thread_that_ended_without_a_word_is_not_waited_for(
    server: Server, vault: AwsSecretVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object) -> None:
        raise SystemExit

    def read() -> None:
        with pytest.raises(SystemExit):
            vault.get_secret(Named, "a")

    with monkeypatch.context() as patched:
        patched.setattr(Flights, "_land", end)
        in_a_thread(read).join(10)
    assert vault.get_secret(Named, "a").name == arn_of("a")


def test_a_forked_child_waits_for_no_call_of_its_parent(
    server: Server, vault: AwsSecretVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, may_end = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        may_end.wait(10)

    server.on_call = wait
    thread = in_a_thread(lambda: vault.get_secret(Named, "a"))
    began.wait(10)
    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: -1)
        assert vault.get_secret(Named, "a").name == arn_of("a")
    may_end.set()
    thread.join(10)
    assert len(server.calls) == 2


@pytest.mark.parametrize("read", ["get_secret_string", "refresh"])
def test_a_secret_that_needs_itself_is_an_error_and_no_deadlock(
    server: Server, vault: AwsSecretVault, read: str
) -> None:
    seen: list[SecretError] = []

    def nested() -> None:
        with pytest.raises(SecretError, match="this very thread") as caught:
            getattr(vault, read)("a")
        seen.append(caught.value)

    server.on_call = nested
    assert vault.get_secret(Named, "a").name == arn_of("a")
    assert seen[0].secret_names == ("a",)


def test_a_batch_that_needs_itself_keeps_nobody_from_the_rest(
    server: Server, vault: AwsSecretVault
) -> None:
    def nested() -> None:
        with pytest.raises(SecretError, match="'b' is being asked for by this very thread"):
            vault.get_secrets(Named, ["a", "b"])
        with ThreadPoolExecutor(1) as threads:
            other = threads.submit(lambda: vault.get_secret(Named, "a"))
            assert other.result(10).name == arn_of("a")

    server.on_call = nested
    assert vault.get_secret(Named, "b").name == arn_of("b")
    assert server.calls == [["b"], ["a"]]


def test_a_secret_may_need_another_one(server: Server, vault: AwsSecretVault) -> None:
    server.on_call = lambda: vault.get_secret(Named, "b")
    assert vault.get_secret(Named, "a").name == arn_of("a")
    assert server.calls == [["a"], ["b"]]


def test_each_thread_gets_an_error_of_its_own(server: Server, vault: AwsSecretVault) -> None:
    server.failure = refusal("AccessDeniedException")
    ready = threading.Barrier(8)

    def fail(_: int) -> SecretError:
        ready.wait(10)
        with pytest.raises(SecretError) as caught:
            vault.get_secret(Named, "a")
        return caught.value

    with ThreadPoolExecutor(8) as threads:
        errors = list(threads.map(fail, range(8)))
    assert len({id(error) for error in errors}) == 8
    assert {(e.code, e.secret_names) for e in errors} == {("AccessDeniedException", ("a",))}


def test_batches_and_single_reads_share_calls_in_any_order(
    server: Server, vault: AwsSecretVault
) -> None:
    began, may_end = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        may_end.wait(10)

    server.on_call = wait
    first = in_a_thread(lambda: vault.get_secrets(Named, ["a", "b"]))
    began.wait(10)
    with ThreadPoolExecutor(3) as threads:
        others = [
            threads.submit(lambda: vault.get_secrets(Named, ["b", "a"])),
            threads.submit(lambda: vault.get_secrets(Named, ["c", "b"])),
        ]
        single = threads.submit(lambda: vault.get_secret(Named, "a"))
        may_end.set()
        assert [sorted(other.result()) for other in others] == [["a", "b"], ["b", "c"]]
        assert single.result().name == arn_of("a")
    first.join(10)
    assert server.calls == [["a", "b"], ["c"]]


def test_a_single_read_does_not_fail_with_the_batch_that_it_waited_for(
    server: Server, vault: AwsSecretVault
) -> None:
    began, may_end = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        may_end.wait(10)

    server.on_call = wait

    def fail() -> None:
        with pytest.raises(SecretNotFoundError):
            vault.get_secrets(Named, ["a", "absent"])

    first = in_a_thread(fail)
    began.wait(10)
    with ThreadPoolExecutor(1) as threads:
        single = threads.submit(lambda: vault.get_secret(Named, "a"))
        may_end.set()
        assert single.result().name == arn_of("a")
    first.join(10)


def test_a_single_read_is_not_denied_because_a_batch_is(
    server: Server, vault: AwsSecretVault
) -> None:
    began, may_end = threading.Event(), threading.Event()

    def deny() -> None:
        began.set()
        may_end.wait(10)
        raise refusal("AccessDeniedException", operation="BatchGetSecretValue")

    def fail() -> None:
        with pytest.raises(SecretError, match="BatchGetSecretValue"):
            vault.get_secrets(Named, ["a"])

    server.on_call = deny
    first = in_a_thread(fail)
    began.wait(10)
    with ThreadPoolExecutor(1) as threads:
        single = threads.submit(lambda: vault.get_secret(Named, "a"))
        may_end.set()
        assert single.result(10).name == arn_of("a")
    first.join(10)


class TestBatches:
    @pytest.mark.parametrize("turned", [False, True])
    def test_an_arn_is_not_taken_for_a_name_nor_a_name_for_an_arn(self, turned: bool) -> None:
        server: Any = Server("foo", "foo-abcdef")
        other = arn_of("foo", account=2)
        server.arns[other] = "foo"
        if turned:
            server.arns = dict(reversed(server.arns.items()))
        names = [arn_of("foo")[:-7], "foo-abcdef", other, "foo"]
        got = AwsSecretVault(server).get_secrets(Named, names)
        assert {name: model.name for name, model in got.items()} == {
            arn_of("foo")[:-7]: arn_of("foo"),
            "foo-abcdef": arn_of("foo-abcdef"),
            other: other,
            "foo": arn_of("foo"),
        }

    def test_one_secret_may_be_asked_for_by_two_names(self, vault: AwsSecretVault) -> None:
        got = vault.get_secrets(Named, ["a", arn_of("a"), arn_of("a")[:-7]])
        assert {model.name for model in got.values()} == {arn_of("a")}
        assert len(got) == 3

    def test_a_page_that_comes_again_and_again_is_an_error(
        self, server: Server, vault: AwsSecretVault
    ) -> None:
        server.extra = {"NextToken": "again"}
        with pytest.raises(SecretUnavailableError):
            vault.get_secrets(Named, ["a"])
        assert len(server.calls) == 2

    def test_all_that_are_missing_are_named_however_they_are_told(
        self, server: Server, vault: AwsSecretVault
    ) -> None:
        error = {"SecretId": "x", "ErrorCode": "ResourceNotFoundException"}
        server.extra = {"Errors": [error]}
        with pytest.raises(SecretNotFoundError) as caught:
            vault.get_secrets(Named, ["x", "a", "y"])
        assert caught.value.secret_names == ("x", "y")

    @pytest.mark.parametrize("name", [None, ""])
    def test_an_error_without_a_name_is_about_all_that_did_not_come(
        self, server: Server, vault: AwsSecretVault, name: str | None
    ) -> None:
        server.extra = {"Errors": [{"SecretId": name, "ErrorCode": "AccessDeniedException"}]}
        with pytest.raises(SecretError) as caught:
            vault.get_secrets(Named, ["a", "x"])
        assert caught.value.secret_names == ("x",)

    @pytest.mark.parametrize(
        "extra",
        [{"SecretValues": [None]}, {"SecretValues": "text"}, {"Errors": [None]}, {"Errors": 7}],
        ids=repr,
    )
    def test_an_answer_of_another_shape_is_an_outage(
        self, server: Server, vault: AwsSecretVault, extra: dict[str, Any]
    ) -> None:
        server.extra = extra
        with pytest.raises(SecretUnavailableError, match="cannot be read"):
            vault.get_secrets(Named, ["a"])


class TestOutages:
    @pytest.mark.parametrize(
        "failure",
        [
            refusal("503", 503),
            refusal("", 500),
            refusal("429", 429),
            refusal("ThrottledException"),
            refusal("RequestTimeout"),
            refusal("InternalServiceError", 500),
            refusal("never seen before", 502),
        ],
        ids=repr,
    )
    def test_whatever_an_outage_is_called_an_old_value_serves(
        self, server: Any, failure: Exception
    ) -> None:
        vault = AwsSecretVault(server, ttl=timedelta(0), stale_if_error=timedelta(hours=1))
        vault.get_secret(Named, "a")
        server.failure = failure
        assert vault.get_secret(Named, "a").name == arn_of("a")
        with pytest.raises(SecretUnavailableError):
            vault.get_secret(Named, "b")

    def test_a_value_that_stands_in_saves_calls_for_a_moment(self, server: Any) -> None:
        now = 0.0
        vault = AwsSecretVault(
            server,
            ttl=timedelta(seconds=100),
            jitter=0,
            stale_if_error=timedelta(seconds=7),
            clock=lambda: now,
        )
        vault.get_secret(Named, "a")
        server.failure, now = refusal("503", 503), 100.0
        for later, calls in ((100.0, 2), (104.9, 2), (105.0, 3), (106.9, 3)):
            now = later
            vault.get_secret(Named, "a")
            assert len(server.calls) == calls
        now = 107.0
        with pytest.raises(SecretUnavailableError):
            vault.get_secret(Named, "a")

    def test_what_is_forgotten_in_an_outage_stays_forgotten(self, server: Any) -> None:
        vault = AwsSecretVault(server, ttl=timedelta(0), stale_if_error=timedelta(hours=1))
        vault.get_secret(Named, "a")
        server.failure, server.on_call = refusal("503", 503), lambda: vault.invalidate("a")
        with pytest.raises(SecretUnavailableError):
            vault.get_secret(Named, "a")

    def test_a_value_that_stands_in_does_not_hide_the_end_of_an_outage(self, server: Any) -> None:
        now = 0.0
        vault = AwsSecretVault(
            server, jitter=0, stale_if_error=timedelta(hours=1), clock=lambda: now
        )
        vault.get_secret(Named, "a")
        server.failure, now = refusal("503", 503), 300.0
        vault.get_secret(Named, "a")
        server.failure = None
        vault.refresh("a")
        now = 310.0
        vault.get_secret(Named, "a")
        assert len(server.calls) == 3


class TestOthersErrors:
    @pytest.mark.parametrize(
        ("code", "operation"),
        [
            ("AccessDenied", "AssumeRoleWithWebIdentity"),
            ("ResourceNotFoundException", "GetRoleCredentials"),
            ("InvalidRequestException", "CreateToken"),
        ],
    )
    def test_an_error_of_another_service_is_not_told_as_the_secrets(
        self, server: Server, vault: AwsSecretVault, code: str, operation: str
    ) -> None:
        server.failure = refusal(code, operation=operation)
        with pytest.raises(SecretError, match=f"no credentials.*{operation}: {code}") as caught:
            vault.get_secret(Named, "a")
        assert type(caught.value) is SecretError

    def test_a_code_that_is_no_word_is_left_out(
        self, server: Server, vault: AwsSecretVault
    ) -> None:
        server.failure = refusal("the value: hunter2")
        with pytest.raises(SecretError) as caught:
            vault.get_secret(Named, "a")
        assert "hunter2" not in repr((str(caught.value), vars(caught.value)))

    def test_an_interruption_by_an_exception_of_the_callers_passes(
        self, server: Server, vault: AwsSecretVault
    ) -> None:
        class TimeIsUpError(Exception):
            """What a handler of a signal raises."""

        server.failure = TimeIsUpError()
        with pytest.raises(TimeIsUpError):
            vault.get_secret(Named, "a")

    @pytest.mark.parametrize(
        "read",
        [
            lambda: AwsSecretVault().get_secret(Named, "a"),
            lambda: AwsSecretVault().get_secrets(Named, ["a"]),
            lambda: get_secret_as_model(Named, "a"),
        ],
        ids=["vault", "batch", "function"],
    )
    def test_a_client_that_cannot_be_made_is_an_error_of_ours(
        self, monkeypatch: pytest.MonkeyPatch, read: Callable[[], object]
    ) -> None:
        def refuse(_: str) -> None:
            raise NoRegionError

        monkeypatch.setattr("saigon.aws.secrets._vault.shared_client", refuse)
        with pytest.raises(SecretError, match="NoRegionError"):
            read()

    def test_credentials_that_a_program_tells_wrongly_are_in_no_error(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        config = tmp_path / "config"
        config.write_text(
            "[default]\nregion = eu-west-1\n"
            'credential_process = echo {"SecretAccessKey":"hunter2",}\n'
        )
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        with pytest.raises(SecretError, match="JSONDecodeError") as caught:
            AwsSecretVault().get_secret_string("a")
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)

    def test_an_error_is_the_same_in_another_process(self) -> None:
        error = SecretNotFoundError("gone", secret_names=("a",), code="ResourceNotFoundException")
        copied = pickle.loads(pickle.dumps(error))
        assert (str(copied), vars(copied)) == (str(error), vars(error))
