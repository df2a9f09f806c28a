"""Logins that IAM signs: the token, when it is made, and what an error tells."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import sha256
from hmac import HMAC
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from urllib.parse import parse_qsl, quote, urlsplit

import boto3.session
import botocore.auth
import pytest
from botocore.credentials import DeferredRefreshableCredentials, RefreshableCredentials
from botocore.exceptions import ClientError
from botocore.session import Session as BotocoreSession

from saigon.aws.rds import RdsError, RdsIamCredentials
from saigon.model.interface import CredentialsProvider

HOST = "db.abcdefghijkl.eu-west-1.rds.amazonaws.com"
KEY, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCY", "IQoJ/b3JpZ2lu+X2VjEJ//=="
HIDDEN = "hunter2"
NOON = datetime(2030, 2, 3, 12, tzinfo=UTC)


class Clock:
    """The time of the signer, which stands still."""

    def __init__(self) -> None:
        self.now = NOON


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let botocore's signer take its time from here, in the older versions and the newer ones."""
    clock = Clock()

    class Frozen(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(clock.now.timestamp(), tz or UTC)

        @classmethod
        def utcnow(cls) -> Self:
            return cls.now().replace(tzinfo=None)

    def current(**_options: object) -> datetime:
        return Frozen.utcnow()

    monkeypatch.setattr(botocore.auth, "get_current_datetime", current, raising=False)
    monkeypatch.setattr(botocore.auth, "datetime", SimpleNamespace(datetime=Frozen))
    return clock


@pytest.fixture(autouse=True)
def own_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Keep the machine's AWS configuration out; give the path of the one that counts."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path / "config"


@pytest.fixture(scope="module")
def session() -> boto3.session.Session:
    """Give a session of temporary credentials."""
    return boto3.session.Session(KEY, SECRET, TOKEN)


def token_of(provider: RdsIamCredentials) -> str:
    return provider.get_credentials().password.get_secret_value()


def signed_by_hand(host: str, query: Mapping[str, str], secret: str) -> str:
    """Return the signature of a token's parameters.

    See Also:
        https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
    """

    def encoded(text: str) -> str:
        return quote(text, safe="-_.~")

    def hashed(key: bytes, text: str) -> bytes:
        return HMAC(key, text.encode(), sha256).digest()

    _, *scope = query["X-Amz-Credential"].split("/")
    parameters = "&".join(f"{encoded(name)}={encoded(query[name])}" for name in sorted(query))
    request = f"GET\n/\n{parameters}\nhost:{host}\n\nhost\n{sha256(b'').hexdigest()}"
    digest = sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{query['X-Amz-Date']}\n{'/'.join(scope)}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hashed(key, part)
    return hashed(key, text).hex()


class TestToken:
    @pytest.mark.parametrize(
        ("host", "port", "user", "region"),
        [
            pytest.param(HOST, 5432, "app", "eu-west-1", id="plain"),
            pytest.param(HOST, 1, "app+x@y", "eu-west-1", id="plus"),
            pytest.param(HOST, 65_535, "a b/%25&c=d~_-.", "eu-west-1", id="reserved"),
            pytest.param(
                "proxy-1.proxy-x.rds.amazonaws.com", 3306, "jürgen ж", "us-east-1", id="ü"
            ),
            pytest.param("d.x.rds.cn-north-1.amazonaws.com.cn", 3306, "a", "cn-north-1", id="cn"),
            pytest.param("d.x.rds.amazonaws.com", 5432, "a", "us-gov-west-1", id="gov"),
            pytest.param("under_score", 5432, "a", "mars-north-9", id="unknown"),
        ],
    )
    @pytest.mark.usefixtures("clock")
    def test_it_is_what_botocore_makes(
        self, session: boto3.session.Session, host: str, port: int, user: str, region: str
    ) -> None:
        client: Any = session.client("rds", region_name=region)
        expected = client.generate_db_auth_token(host, port, user)
        assert token_of(RdsIamCredentials(host, port, user, region, session=session)) == expected

    @pytest.mark.usefixtures("clock")
    def test_it_is_signed_as_the_specification_says(self, session: boto3.session.Session) -> None:
        provider = RdsIamCredentials(HOST, 5432, "app+x@y ü", "eu-west-1", session=session)
        token = urlsplit("//" + token_of(provider))
        query = dict(parse_qsl(token.query, strict_parsing=True))
        signature = query.pop("X-Amz-Signature")
        assert (token.netloc, token.path) == (f"{HOST}:5432", "/")
        assert query == {
            "Action": "connect",
            "DBUser": "app+x@y ü",
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{KEY}/20300203/eu-west-1/rds-db/aws4_request",
            "X-Amz-Date": "20300203T120000Z",
            "X-Amz-Expires": "900",
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Security-Token": TOKEN,
        }
        assert signature == signed_by_hand(f"{HOST}:5432", query, SECRET)
        assert signature != signed_by_hand(f"{HOST}:5433", query, SECRET)

    def test_each_is_new(self, clock: Clock, session: boto3.session.Session) -> None:
        provider = RdsIamCredentials(HOST, 5432, "app", "eu-west-1", session=session)
        first = provider.get_credentials()
        assert provider.get_credentials(refresh=True) == first  # the clock stands still
        clock.now += timedelta(seconds=1)
        second = provider.get_credentials()
        assert second != first
        assert "X-Amz-Date=20300203T120001Z" in second.password.get_secret_value()

    def test_the_login_is_the_users_requires_tls_and_shows_no_token(
        self, session: boto3.session.Session
    ) -> None:
        provider = RdsIamCredentials(HOST, 5432, "app", "eu-west-1", session=session)
        login = provider.get_credentials()
        assert isinstance(provider, CredentialsProvider)
        assert (login.username, login.requires_tls) == ("app", True)
        shown = repr(login) + repr(provider) + repr(vars(provider))
        assert not any(text in shown for text in ("X-Amz", SECRET, TOKEN))

    @pytest.mark.usefixtures("clock")
    def test_capital_letters_of_the_host_make_no_difference(
        self, session: boto3.session.Session
    ) -> None:
        provider = RdsIamCredentials(HOST.upper(), 5432, "app", "eu-west-1", session=session)
        small = RdsIamCredentials(HOST, 5432, "app", "eu-west-1", session=session)
        assert token_of(provider) == token_of(small)

    def test_expired_credentials_are_renewed_first(self, clock: Clock) -> None:
        keys = iter(["AKIDSECOND", "AKIDTHIRD"])

        def renew() -> dict[str, str]:
            expiry = (clock.now + timedelta(hours=1)).isoformat()
            renewed = {"access_key": next(keys), "secret_key": SECRET, "token": TOKEN}
            return {**renewed, "expiry_time": expiry}

        credentials = RefreshableCredentials(
            "AKIDFIRST", SECRET, TOKEN, NOON + timedelta(hours=1), renew, "test", lambda: clock.now
        )
        provider = RdsIamCredentials(HOST, 1, "app", "eu-west-1", session=session_of(credentials))
        signers = []
        for _ in range(3):
            signers.append(token_of(provider).partition("X-Amz-Credential=")[2].split("%")[0])
            clock.now += timedelta(hours=1)
        assert signers == ["AKIDFIRST", "AKIDSECOND", "AKIDTHIRD"]


def session_of(credentials: object) -> boto3.session.Session:
    base = BotocoreSession()
    base._credentials = credentials  # type: ignore[attr-defined]  # there is no public setter
    return boto3.session.Session(botocore_session=base)


class StubSession:
    """A session whose clients sign nothing, and that may wait while it makes one."""

    def __init__(self, wait: Callable[[], object] = bool) -> None:
        self.made: list[str] = []
        self._wait = wait

    def client(self, service: str, **_options: object) -> Any:
        self.made.append(service)
        self._wait()
        return SimpleNamespace(generate_db_auth_token=lambda **_address: "token")


class TestClient:
    def test_many_threads_make_one(self) -> None:
        start = threading.Barrier(50)
        all_began = threading.Event()
        stub = StubSession(lambda: all_began.wait(10))
        provider = RdsIamCredentials(HOST, 1, "app", "eu-west-1", session=stub)  # type: ignore[arg-type]  # as much of one as is used

        def sign() -> str:
            if start.wait() == 0:
                all_began.set()
            return token_of(provider)

        with ThreadPoolExecutor(50) as threads:
            tokens = [each.result() for each in [threads.submit(sign) for _ in range(50)]]
        assert tokens == ["token"] * 50
        assert stub.made == ["rds"]

    def test_it_and_its_session_are_made_once_and_when_needed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stubs: list[StubSession] = []

        def make() -> StubSession:
            stubs.append(StubSession())
            return stubs[-1]

        monkeypatch.setattr("boto3.session.Session", make)
        provider = RdsIamCredentials(HOST, 1, "app", "eu-west-1")
        assert stubs == []
        assert [token_of(provider), token_of(provider)] == ["token", "token"]
        assert [stub.made for stub in stubs] == [["rds"]]

    def test_what_could_not_be_made_is_tried_again(self) -> None:
        def fail_once() -> None:
            if len(stub.made) == 1:
                raise LookupError

        stub = StubSession(fail_once)
        provider = RdsIamCredentials(HOST, 1, "app", "eu-west-1", session=stub)  # type: ignore[arg-type]  # as above
        with pytest.raises(RdsError):
            provider.get_credentials()
        assert token_of(provider) == "token"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
    @pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
    def test_a_child_does_not_wait_for_one_that_its_parent_makes(self) -> None:
        parent = os.getpid()
        is_making, may_end = threading.Event(), threading.Event()

        def wait() -> None:
            if os.getpid() == parent:
                is_making.set()
                may_end.wait(10)

        stub = StubSession(wait)
        provider = RdsIamCredentials(HOST, 1, "app", "eu-west-1", session=stub)  # type: ignore[arg-type]  # as above
        with ThreadPoolExecutor(1) as threads:
            token = threads.submit(token_of, provider)
            assert is_making.wait(10)
            child = os.fork()
            if child == 0:
                signal.alarm(10)
                os._exit(0 if token_of(provider) == "token" else 1)
            _, status = os.waitpid(child, 0)
            may_end.set()
            assert token.result() == "token"
        assert status == 0


def nobody(_configuration: Path) -> boto3.session.Session:
    base = BotocoreSession()
    base.get_component("credential_provider").providers.clear()
    return boto3.session.Session(botocore_session=base)


def refused_role(_configuration: Path) -> boto3.session.Session:
    def refuse() -> dict[str, str]:
        answer = {"Error": {"Code": "AccessDenied", "Message": HIDDEN}}
        raise ClientError(answer, "AssumeRole")  # type: ignore[arg-type]  # as little as counts

    return session_of(DeferredRefreshableCredentials(refuse, "test"))


def odd_refusal(_configuration: Path) -> boto3.session.Session:
    def refuse() -> dict[str, str]:
        answer = {"Error": {"Code": f"<{HIDDEN}>"}}
        raise ClientError(answer, "AssumeRole")  # type: ignore[arg-type]  # as above

    return session_of(DeferredRefreshableCredentials(refuse, "test"))


def half_of_a_key(configuration: Path) -> boto3.session.Session:
    configuration.write_text(f"[default]\naws_access_key_id = {HIDDEN}\n")
    return boto3.session.Session()


def program_that_says(answer: str) -> Callable[[Path], boto3.session.Session]:
    def make(configuration: Path) -> boto3.session.Session:
        configuration.with_name("answer").write_text(answer)
        configuration.write_text(
            f"[default]\ncredential_process = cat {configuration.parent}/answer"
        )
        return boto3.session.Session()

    return make


def program_that_fails(configuration: Path) -> boto3.session.Session:
    configuration.write_text(f"[default]\ncredential_process = cat /{HIDDEN}")
    return boto3.session.Session()


class TestErrors:
    @pytest.mark.parametrize(
        ("make_session", "reason"),
        [
            pytest.param(nobody, "NoCredentialsError", id="none"),
            pytest.param(half_of_a_key, "PartialCredentialsError", id="partial"),
            pytest.param(refused_role, r"AssumeRole failed \(AccessDenied\)", id="role"),
            pytest.param(odd_refusal, r"AssumeRole failed \(ClientError\)", id="odd"),
            pytest.param(program_that_fails, "CredentialRetrievalError", id="failing"),
            pytest.param(program_that_says(f'["{HIDDEN}'), "JSONDecodeError", id="no-json"),
            pytest.param(
                program_that_says(f'{{"Version": 1, "SecretAccessKey": "{HIDDEN}"}}'),
                "CredentialRetrievalError",
                id="incomplete",
            ),
        ],
    )
    def test_credentials_that_cannot_be_had_are_told_without_a_secret(
        self,
        own_configuration: Path,
        make_session: Callable[[Path], boto3.session.Session],
        reason: str,
    ) -> None:
        provider = RdsIamCredentials(
            HOST, 1, "app", "eu-west-1", session=make_session(own_configuration)
        )
        with pytest.raises(RdsError, match=reason) as caught:
            provider.get_credentials()
        assert list(told_by(caught.value)) == [caught.value]
        assert HIDDEN not in repr(caught.value) + repr(vars(caught.value))

    def test_a_profile_that_is_missing_is_told_when_a_token_is_needed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_PROFILE", "absent")
        provider = RdsIamCredentials(HOST, 1, "app", "eu-west-1")
        with pytest.raises(RdsError, match="ProfileNotFound") as caught:
            provider.get_credentials()
        assert list(told_by(caught.value)) == [caught.value]


def told_by(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


GOOD: Mapping[str, Any] = {"host": HOST, "port": 5432, "user": "app", "region": "eu-west-1"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("host", ""),
        ("host", f"https://{HOST}"),
        ("host", f"{HOST}:5432"),
        ("host", f"{HOST}/orders"),
        ("host", f"{HOST}."),
        ("host", f"{HOST},other"),
        ("host", f" {HOST}"),
        ("host", f"{HOST}\n"),
        ("host", f"app@{HOST}"),
        ("host", "/var/run/postgresql"),
        ("host", "@socket"),
        ("host", "::1"),
        ("host", "dß.example"),
        ("host", "d" * 254),
        ("host", None),
        ("port", 0),
        ("port", 65_536),
        ("port", True),
        ("port", "5432"),
        ("port", 5432.0),
        ("port", None),
        ("user", ""),
        ("user", "a\0b"),
        ("user", "\udc80"),
        ("user", None),
        ("region", ""),
        ("region", "eu west 1"),
        ("region", "eu-west-1/rds-db"),
        ("region", "eu-west-1\n"),
        ("region", None),
    ],
    ids=repr,
)
def test_an_argument_that_cannot_be_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        RdsIamCredentials(**{**GOOD, name: value})
    assert list(told_by(caught.value)) == [caught.value]
