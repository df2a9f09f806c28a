"""A store of secrets that remembers."""

import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    create_model,
)
from pydantic_core import PydanticCustomError

from saigon.aws.secrets import (
    AwsSecretVault,
    SecretAccessDeniedError,
    SecretDecodeError,
    SecretError,
    SecretNotFoundError,
    SecretUnavailableError,
    get_secret_as_model,
)
from saigon.aws.testing import LocalAws
from saigon.model.interface import SecretVault

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

VALUE = "hunter2-the-value"


class Login(BaseModel):
    model_config = ConfigDict(extra="forbid")

    username: str
    password: SecretStr


class FakeSecretsManager:
    """Answers GetSecretValue from a table, and counts."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str | None, str | None], Any] = {}
        self.calls: list[tuple[str, str | None, str | None]] = []
        self.batches: list[list[str]] = []
        self.before_answer: Callable[[], object] = lambda: None

    def put(
        self, name: str, value: str | bytes | Exception, stage: str | None = "AWSCURRENT"
    ) -> None:
        self.answers[name, stage, None] = value

    def get_secret_value(self, **given: str) -> dict[str, Any]:
        key = (given["SecretId"], given.get("VersionStage"), given.get("VersionId"))
        self.calls.append(key)
        answer = self.answers[key]
        self.before_answer()
        if isinstance(answer, Exception):
            raise answer
        return {"SecretString" if isinstance(answer, str) else "SecretBinary": answer}

    def batch_get_secret_value(self, **given: list[str]) -> dict[str, Any]:
        answers = {name: self.answers[name, "AWSCURRENT", None] for name in given["SecretIdList"]}
        self.batches.append(given["SecretIdList"])
        self.before_answer()
        for answer in answers.values():
            if isinstance(answer, Exception):
                raise answer
        found = [{"Name": n, "ARN": f"arn:{n}", "SecretString": a} for n, a in answers.items()]
        return {"SecretValues": found}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.once: Callable[[], object] | None = None
        """Is called when the time is asked for the next time."""

    def __call__(self) -> float:
        once, self.once = self.once, None
        if once is not None:
            once()
        return self.now


@pytest.fixture
def server() -> FakeSecretsManager:
    fake = FakeSecretsManager()
    fake.put("db", f'{{"username": "u", "password": "{VALUE}"}}')
    return fake


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vault(server: Any, clock: Clock) -> AwsSecretVault:
    return AwsSecretVault(server, ttl=timedelta(seconds=100), jitter=0, clock=clock)


@pytest.fixture(scope="module")
def client(aws: LocalAws) -> Iterator["SecretsManagerClient"]:
    made: SecretsManagerClient = aws.client("secretsmanager")
    yield made
    made.close()


def refusal(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "GetSecretValue")


class TestValues:
    def test_a_secret_becomes_a_model(self, client: Any, aws_secret: str) -> None:
        got = get_secret_as_model(Login, aws_secret, client)
        assert got.username == "saigon"
        assert AwsSecretVault(client).get_secret(Login, aws_secret) == got

    def test_a_binary_secret_becomes_a_model_text_or_bytes(
        self, client: Any, aws: LocalAws
    ) -> None:
        name = aws.create_secret(b'{"username": "u", "password": "p"}')
        vault = AwsSecretVault(client)
        assert vault.get_secret(Login, name).username == "u"
        assert vault.get_secret_string(name).get_secret_value().startswith("{")
        assert vault.get_secret_bytes(name).get_secret_value().startswith(b"{")

    def test_a_text_is_given_as_text_or_bytes(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        server.put("key", "tüx")
        assert vault.get_secret_string("key").get_secret_value() == "tüx"
        assert vault.get_secret_bytes("key").get_secret_value() == "tüx".encode()
        assert "tüx" not in repr((vault.get_secret_string("key"), vault))

    def test_it_is_the_vault_that_others_take(self, vault: AwsSecretVault) -> None:
        protocol: SecretVault = vault
        assert isinstance(protocol, SecretVault)

    def test_several_secrets_come_in_one_answer(self, client: Any, aws: LocalAws) -> None:
        names = [aws.create_secret({"username": f"u{i}", "password": "p"}) for i in range(25)]
        arn = client.describe_secret(SecretId=names[0])["ARN"]
        vault = AwsSecretVault(client)
        got = vault.get_secrets(Login, [*names, arn, arn[:-7]])
        assert [got[name].username for name in names] == [f"u{i}" for i in range(25)]
        assert got[arn] == got[arn[:-7]] == got[names[0]]
        for name in names:
            client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        assert vault.get_secrets(Login, names) == {name: got[name] for name in names}

    def test_all_that_are_missing_are_named_at_once(self, client: Any, aws_secret: str) -> None:
        names = ["absent-1", aws_secret, "absent-2"]
        with pytest.raises(SecretNotFoundError, match=r"absent-1.*absent-2") as caught:
            AwsSecretVault(client).get_secrets(Login, names)
        assert caught.value.secret_names == ("absent-1", "absent-2")

    def test_no_secrets_cost_no_call(self, vault: AwsSecretVault) -> None:
        assert vault.get_secrets(Login, []) == {}

    def test_the_previous_version_is_another_one(self, client: Any, aws: LocalAws) -> None:
        name = aws.create_secret("first")
        client.put_secret_value(SecretId=name, SecretString="second")
        vault = AwsSecretVault(client)
        got = [
            vault.get_secret_string(name, version_stage=stage).get_secret_value()
            for stage in (None, "AWSPREVIOUS", "AWSCURRENT")
        ]
        assert got == ["second", "first", "second"]

    def test_a_version_is_asked_for_by_its_id(self, client: Any, aws: LocalAws) -> None:
        name = aws.create_secret("first")
        first = client.get_secret_value(SecretId=name)["VersionId"]
        client.put_secret_value(SecretId=name, SecretString="second")
        got = AwsSecretVault(client).get_secret_string(name, version_id=first)
        assert got.get_secret_value() == "first"


class TestCache:
    def test_a_value_is_asked_for_once_in_its_time(
        self, server: FakeSecretsManager, vault: AwsSecretVault, clock: Clock
    ) -> None:
        for at in (0, 50, 99.9):
            clock.now = 1000 + at
            vault.get_secret(Login, "db")
        assert len(server.calls) == 1
        clock.now = 1100
        vault.get_secret(Login, "db")
        assert len(server.calls) == 2

    def test_the_current_stage_is_what_no_stage_means(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        vault.get_secret(Login, "db")
        vault.get_secret(Login, "db", version_stage="AWSCURRENT")
        assert len(server.calls) == 1

    def test_one_callers_changes_are_not_anothers(self, vault: AwsSecretVault) -> None:
        vault.get_secret(Login, "db").username = "changed"
        assert vault.get_secret(Login, "db").username == "u"

    def test_fifty_cold_threads_make_one_call(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        barrier = threading.Barrier(50)

        def read(_: int) -> str:
            barrier.wait()
            return vault.get_secret(Login, "db").username

        with ThreadPoolExecutor(50) as pool:
            assert set(pool.map(read, range(50))) == {"u"}
        assert len(server.calls) == 1

    @pytest.mark.parametrize("read", ["get_secret", "get_secrets"])
    def test_a_thread_that_looked_before_the_value_came_does_not_ask_again(
        self, server: FakeSecretsManager, vault: AwsSecretVault, clock: Clock, read: str
    ) -> None:
        vault.get_secret(Login, "db")
        clock.now = 2000
        # Another reader comes and goes between this one's look and its call.
        clock.once = lambda: vault.get_secret(Login, "db")
        getattr(vault, read)(Login, "db" if read == "get_secret" else ["db"])
        assert (len(server.calls), server.batches) == (2, [])

    def test_threads_that_wait_share_an_error(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        server.put("db", refusal("ResourceNotFoundException"))
        entered = threading.Event()
        go_on = threading.Event()

        def hold() -> None:
            entered.set()
            go_on.wait(5)

        server.before_answer = hold
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(vault.get_secret, Login, "db")
            entered.wait(5)
            second = pool.submit(vault.get_secret, Login, "db")
            go_on.set()
            assert isinstance(first.exception(), SecretNotFoundError)
            assert isinstance(second.exception(), SecretNotFoundError)

    def test_an_error_is_not_remembered(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        value = server.answers["db", "AWSCURRENT", None]
        server.put("db", refusal("InternalServiceError"))
        with pytest.raises(SecretUnavailableError):
            vault.get_secret(Login, "db")
        server.put("db", value)
        assert vault.get_secret(Login, "db").username == "u"

    def test_an_interrupted_thread_lets_another_one_ask(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        class Interrupt(BaseException):
            pass

        def interrupt_once() -> None:
            server.before_answer = lambda: None
            raise Interrupt

        server.before_answer = interrupt_once
        with pytest.raises(Interrupt):
            vault.get_secret(Login, "db")
        assert vault.get_secret(Login, "db").username == "u"

    def test_refresh_asks_again(self, server: FakeSecretsManager, vault: AwsSecretVault) -> None:
        vault.get_secret(Login, "db")
        server.put("db", '{"username": "new", "password": "p"}')
        vault.refresh("db")
        assert vault.get_secret(Login, "db").username == "new"
        assert len(server.calls) == 2

    def test_a_refresh_does_not_take_the_answer_of_an_older_call(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        entered, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            entered.set()
            go_on.wait(5)

        server.before_answer = hold
        with ThreadPoolExecutor(2) as pool:
            older = pool.submit(vault.get_secret, Login, "db")
            entered.wait(5)
            server.put("db", '{"username": "new", "password": "p"}')
            refreshed = pool.submit(vault.refresh, "db")
            go_on.set()
            assert older.result().username == "u"
            refreshed.result()
        assert vault.get_secret(Login, "db").username == "new"

    def test_a_failed_refresh_leaves_what_was_there(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        vault.get_secret(Login, "db")
        server.put("db", refusal("ThrottlingException"))
        with pytest.raises(SecretUnavailableError):
            vault.refresh("db")
        assert vault.get_secret(Login, "db").username == "u"

    def test_invalidate_forgets_a_secret_in_all_versions(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        server.put("db", '{"username": "old", "password": "p"}', "AWSPREVIOUS")
        server.put("other", "x")

        def read_all() -> None:
            vault.get_secret(Login, "db")
            vault.get_secret(Login, "db", version_stage="AWSPREVIOUS")
            vault.get_secret_string("other")

        read_all()
        vault.invalidate("db")
        read_all()
        assert len(server.calls) == 5
        vault.invalidate()
        read_all()
        assert len(server.calls) == 8

    def test_invalidate_forgets_what_is_on_its_way(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        def invalidate() -> None:
            vault.invalidate("db")

        server.before_answer = invalidate
        vault.get_secret(Login, "db")
        vault.get_secret(Login, "db")
        assert len(server.calls) == 2

    def test_fifty_cold_threads_make_one_batch(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        server.put("other", '{"username": "o", "password": "p"}')
        barrier, go_on = threading.Barrier(50), threading.Event()
        server.before_answer = lambda: go_on.wait(5)

        def read(number: int) -> set[str]:
            barrier.wait()
            if number == 0:
                go_on.set()
            return {login.username for login in vault.get_secrets(Login, ["db", "other"]).values()}

        with ThreadPoolExecutor(50) as pool:
            assert list(pool.map(read, range(50))) == [{"u", "o"}] * 50
        assert server.batches == [["db", "other"]]

    @pytest.mark.parametrize("forget", ["invalidate", "refresh"])
    def test_a_batch_does_not_bring_back_what_was_replaced_meanwhile(
        self, server: FakeSecretsManager, vault: AwsSecretVault, forget: str
    ) -> None:
        replacing = threading.Thread(target=getattr(vault, forget), args=("db",))

        def replace() -> None:
            server.before_answer = lambda: None
            server.put("db", '{"username": "new", "password": "p"}')
            replacing.start()
            replacing.join(0.05 if forget == "refresh" else 10)  # a refresh waits for the batch

        server.before_answer = replace
        vault.get_secrets(Login, ["db"])
        replacing.join(10)
        assert vault.get_secret(Login, "db").username == "new"

    def test_a_batch_asks_for_those_alone_that_are_not_remembered(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        server.put("other", '{"username": "o", "password": "p"}')
        vault.get_secret(Login, "db")
        assert list(vault.get_secrets(Login, ["other", "db"])) == ["other", "db"]
        assert server.batches == [["other"]]

    @pytest.mark.parametrize("late", [0, 60])
    def test_old_values_of_a_batch_serve_in_their_grace(
        self, server: Any, clock: Clock, late: int
    ) -> None:
        vault = AwsSecretVault(
            server,
            ttl=timedelta(seconds=100),
            jitter=0,
            stale_if_error=timedelta(seconds=60),
            clock=clock,
        )
        vault.get_secrets(Login, ["db"])
        server.put("db", refusal("ThrottlingException"))
        clock.now = 1100 + late
        if late < 60:
            assert vault.get_secrets(Login, ["db"])["db"].username == "u"
        else:
            with pytest.raises(SecretUnavailableError):
                vault.get_secrets(Login, ["db"])

    def test_no_more_than_max_entries_are_kept(self, server: Any) -> None:
        vault = AwsSecretVault(server, max_entries=2)
        for name in ("a", "b", "c", "c", "b", "a"):
            server.put(name, "x")
            vault.get_secret_string(name)
        assert [name for name, *_ in server.calls] == ["a", "b", "c", "a"]

    def test_the_jitter_only_shortens_a_life(self, server: Any, clock: Clock) -> None:
        server.put("key", "x")
        for _ in range(20):
            vault = AwsSecretVault(server, ttl=timedelta(seconds=100), jitter=0.5, clock=clock)
            clock.now = 1000
            vault.get_secret_string("key")
            before = len(server.calls)
            clock.now = 1050 - 0.001
            vault.get_secret_string("key")
            assert len(server.calls) == before
            clock.now = 1100
            vault.get_secret_string("key")
            assert len(server.calls) == before + 1

    def test_a_time_to_live_of_zero_remembers_nothing(self, server: Any) -> None:
        vault = AwsSecretVault(server, ttl=timedelta(0))
        vault.get_secret(Login, "db")
        vault.get_secret(Login, "db")
        assert len(server.calls) == 2

    @pytest.mark.parametrize("error", ["InternalServiceError", "AccessDeniedException"])
    @pytest.mark.parametrize("grace", [0, 60])
    @pytest.mark.parametrize("late", [0, 59, 60])
    def test_an_old_value_serves_only_in_its_grace_and_only_in_an_outage(
        self, server: Any, clock: Clock, error: str, grace: int, late: int
    ) -> None:
        vault = AwsSecretVault(
            server,
            ttl=timedelta(seconds=100),
            jitter=0,
            stale_if_error=timedelta(seconds=grace),
            clock=clock,
        )
        vault.get_secret(Login, "db")
        server.put("db", refusal(error))
        clock.now = 1100 + late
        if error == "InternalServiceError" and late < grace:
            assert vault.get_secret(Login, "db").username == "u"
        else:
            with pytest.raises(SecretError):
                vault.get_secret(Login, "db")


class TestErrors:
    @pytest.mark.parametrize(
        ("code", "message", "error", "text"),
        [
            ("ResourceNotFoundException", "", SecretNotFoundError, "no such secret"),
            ("InvalidRequestException", "marked for deletion", SecretNotFoundError, "deletion"),
            ("AccessDeniedException", "no", SecretAccessDeniedError, "GetSecretValue"),
            ("AccessDeniedException", "KMS is not allowed", SecretAccessDeniedError, "kms:Decrypt"),
            ("DecryptionFailure", "", SecretAccessDeniedError, "kms:Decrypt"),
            ("ThrottlingException", "", SecretUnavailableError, "not available"),
            ("UnrecognizedClientException", "", SecretError, "UnrecognizedClientException"),
        ],
    )  # fmt: skip
    def test_a_refusal_is_told_by_its_kind(  # noqa: PLR0917  # four of them are the table's
        self,
        server: FakeSecretsManager,
        vault: AwsSecretVault,
        code: str,
        message: str,
        error: type[SecretError],
        text: str,
    ) -> None:
        server.put("db", refusal(code, message))
        with pytest.raises(error, match=text) as caught:
            vault.get_secret(Login, "db")
        assert type(caught.value) is error
        assert (caught.value.secret_names, caught.value.code) == (("db",), code)

    @pytest.mark.parametrize(
        ("message", "action"),
        [
            ("not authorized to perform: kms:Decrypt on resource: x", "kms:Decrypt"),
            ("role/kms-reader is not authorized on resource: my-kms", "secretsmanager:GetSecret"),
        ],
    )
    def test_a_denial_names_the_key_only_where_the_key_denies(
        self, server: FakeSecretsManager, vault: AwsSecretVault, message: str, action: str
    ) -> None:
        server.put("db", refusal("AccessDeniedException", message))
        with pytest.raises(SecretAccessDeniedError, match=action):
            vault.get_secret(Login, "db")

    @pytest.mark.parametrize(
        ("error", "ours"),
        [
            (ConnectTimeoutError(endpoint_url="https://x"), SecretUnavailableError),
            (NoCredentialsError(), SecretError),
        ],
    )
    def test_what_never_reached_aws_is_told_too(
        self,
        server: FakeSecretsManager,
        vault: AwsSecretVault,
        error: Exception,
        ours: type[SecretError],
    ) -> None:
        server.put("db", error)
        with pytest.raises(ours):
            vault.get_secret(Login, "db")

    def test_a_missing_secret_of_aws_is_not_found(self, client: Any) -> None:
        with pytest.raises(SecretNotFoundError):
            get_secret_as_model(Login, "absent", client)

    @pytest.mark.parametrize(
        ("value", "errors"),
        [
            (VALUE, [((), "json_invalid")]),
            (f'["{VALUE}"]', [((), "model_type")]),
            (f'{{"username": ["{VALUE}"], "password": ""}}', [(("username",), "string_type")]),
            (f'{{"username": "{VALUE}"}}', [(("password",), "missing")]),
            (VALUE.encode() + b"\xff", [((), "json_invalid")]),
            (
                f'{{"username": "u", "password": "p", "{VALUE}": 1}}',
                [(("*",), "extra_forbidden")],
            ),
        ],
    )  # fmt: skip
    def test_a_value_that_does_not_fit_is_in_no_part_of_the_error(
        self,
        server: FakeSecretsManager,
        vault: AwsSecretVault,
        caplog: pytest.LogCaptureFixture,
        value: str | bytes,
        errors: Any,
    ) -> None:
        server.put("db", value)
        with caplog.at_level(logging.DEBUG), pytest.raises(SecretDecodeError) as caught:
            vault.get_secret(Login, "db")
        error = caught.value
        assert error.errors == tuple(errors)
        assert (error.__cause__, error.__context__) == (None, None)
        assert VALUE not in "".join(traceback.format_exception(error)) + caplog.text
        assert VALUE not in repr(vars(error))

    def test_a_kind_of_error_that_quotes_the_value_is_left_out(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        class MuteError(ValueError):
            def __str__(self) -> str:
                raise LookupError(*self.args)

        def by_kind(value: str) -> str:
            raise PydanticCustomError(f"bad_{value}", "told {value}", {"value": value})

        def by_text(value: str) -> str:
            raise MuteError(value)

        def by_key(value: str) -> str:
            return {"a": "b"}[value]

        server.put("key", f'{{"value": "{VALUE}"}}')
        kinds = {by_kind: "custom", by_text: "LookupError", by_key: "KeyError"}
        for validator, kind in kinds.items():
            model = create_model("Model", value=(Annotated[str, AfterValidator(validator)], ...))
            with pytest.raises(SecretDecodeError, match=kind) as caught:
                vault.get_secret(model, "key")
            error = caught.value
            assert VALUE not in "".join(traceback.format_exception(error)) + repr(vars(error))
            assert (error.__cause__, error.__context__) == (None, None)

    def test_the_keys_of_an_object_are_in_no_location(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        class Inner(BaseModel):
            port: int = Field(validation_alias=AliasChoices("port", "Port"))

        class Outer(BaseModel):
            by_token: dict[str, Inner | list[Inner]]

        server.put("map", f'{{"by_token": {{"{VALUE}": {{"Port": "x"}}}}}}')
        with pytest.raises(SecretDecodeError) as caught:
            vault.get_secret(Outer, "map")
        assert caught.value.errors[0] == (("by_token", "*", "Inner", "Port"), "int_parsing")
        assert VALUE not in str(caught.value)

    def test_a_text_that_is_not_unicode_is_no_bytes(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        server.put("key", VALUE + "\ud800")
        with pytest.raises(SecretDecodeError, match="Unicode") as caught:
            vault.get_secret_bytes("key")
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)

    def test_a_version_that_cannot_be_is_refused_before_any_request(self, client: Any) -> None:
        with pytest.raises(ValueError, match="expected a name"):
            get_secret_as_model(Login, "db", client, version_id="short")

    def test_a_binary_value_is_no_text(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        server.put("key", b"\xff\xfe" + VALUE.encode())
        with pytest.raises(SecretDecodeError, match="binary") as caught:
            vault.get_secret_string("key")
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)

    def test_an_answer_without_a_value_is_told(
        self, server: FakeSecretsManager, vault: AwsSecretVault
    ) -> None:
        server.answers["db", "AWSCURRENT", None] = None
        with pytest.raises(SecretDecodeError, match="no value"):
            vault.get_secret(Login, "db")

    @pytest.mark.parametrize(
        "arguments",
        [
            {"secret_name": ""},
            {"secret_name": "a", "version_stage": ""},
            {"secret_name": "a", "version_id": ""},
            {"secret_name": ["a"]},
            {"secret_name": "a", "version_stage": 7},
        ],
        ids=repr,
    )
    def test_an_empty_name_is_refused_before_any_request(
        self, server: FakeSecretsManager, vault: AwsSecretVault, arguments: dict[str, Any]
    ) -> None:
        with pytest.raises(ValueError, match="expected"):
            vault.get_secret(Login, **arguments)
        with pytest.raises(ValueError, match="several"):
            vault.get_secrets(Login, "db")
        assert server.calls == []

    @pytest.mark.parametrize(
        "options",
        [
            {"ttl": timedelta(-1)},
            {"stale_if_error": timedelta(-1)},
            {"jitter": -0.1},
            {"jitter": 1},
            {"max_entries": 0},
        ],
    )
    def test_wrong_options_are_refused(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="expected"):
            AwsSecretVault(**options)
