"""Users of a user pool that is faked down to its refusals, and a clock that stands still."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from saigon.aws.cognito import AuthChallenge, AuthTokens, IamCredentials
from saigon.aws.cognito.exceptions import (
    ChallengeExpiredError,
    ChallengeRequiredError,
    CodeMismatchError,
    InvalidCredentialsError,
    RefreshTokenReusedError,
    TokenExpiredError,
)
from saigon.rest.client import AuthRestClient, RetryPolicy
from saigon.rest.gateway import LocalGateway

START = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)
SESSION = "the session of a challenge, which is secret"
USERS = {"alice": "alice", "alice@example.com": "alice", "bob": "bob", "carol": "carol"}


class Clock:
    """Stands still until it is told otherwise; ``on_read`` is called whenever it is read."""

    def __init__(self) -> None:
        self.now = START
        self.on_read: Callable[[], None] | None = None

    def __call__(self) -> datetime:
        if self.on_read is not None:
            self.on_read()
        return self.now

    def pass_by(self, **duration: float) -> None:
        self.now += timedelta(**duration)


class FakeCognito:
    """A user pool and an identity pool that tell users apart, and count what they are asked."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ahead = timedelta()
        self.lifetime = timedelta(hours=1)
        self.token_lifetime = timedelta(hours=1)
        self.asked = 0
        self.refreshed = 0
        self.issued: list[IamCredentials] = []
        self.failure: Exception | None = None
        self.refresh_failure: Exception | None = None
        self.hold: threading.Event | None = None
        self.entered = threading.Event()
        self._spent: set[str] = set()
        self._subs: dict[str, str] = {}
        self._logins = 0
        self._lock = threading.Lock()

    @property
    def now(self) -> datetime:
        return self._clock.now + self.ahead

    def login_user(self, username: str, password: str | SecretStr, /) -> AuthTokens:
        secret = password if isinstance(password, str) else password.get_secret_value()
        if secret == "wrong":
            raise InvalidCredentialsError("Incorrect username or password.")
        name = USERS[username]
        if secret == "temporary":
            raise ChallengeRequiredError(self._challenge("NEW_PASSWORD_REQUIRED", name))
        if secret.startswith("then "):
            raise ChallengeRequiredError(self._challenge(secret.removeprefix("then "), name))
        return self._tokens(name)

    def respond_to_challenge(
        self, challenge: Any, answer: Any = None, *, responses: Any = None
    ) -> AuthTokens | AuthChallenge:
        given = answer.get_secret_value() if isinstance(answer, SecretStr) else answer
        if given == "too late":
            raise ChallengeExpiredError("Invalid session for the user.")
        if given == "wrong":
            raise CodeMismatchError("Invalid code or auth state for the user.")
        if given == "new password, with a second factor":
            return self._challenge("SOFTWARE_TOKEN_MFA", challenge.username)
        return self._tokens(challenge.username)

    def refresh_tokens(self, tokens: Any, /) -> AuthTokens:
        with self._lock:
            self.refreshed += 1
            refresh_token = tokens.refresh_token.get_secret_value()
            spent = refresh_token in self._spent
            self._spent.add(refresh_token)
        if self.refresh_failure:
            raise self.refresh_failure
        if spent:
            raise RefreshTokenReusedError("Refresh token reused")
        return self._tokens(tokens.username)

    def get_iam_credentials(self, tokens: Any, /) -> IamCredentials:
        with self._lock:
            self.asked += 1
        self.entered.set()
        if self.hold:
            assert self.hold.wait(20)
        if self.failure:
            raise self.failure
        if tokens.expires_at <= self.now:
            raise TokenExpiredError("Invalid login token. Token expired.")
        with self._lock:
            return self._issue(tokens.username)

    def give_the_name_to_another(self, username: str) -> None:
        self._subs[username] = f"another-sub-of-{username}"

    def find(self, access_key_id: str) -> Any:
        """Tell a gateway whose key it is."""
        found = next((c for c in self.issued if c.access_key_id == access_key_id), None)
        if found is None:
            return None
        user = found.identity_id.partition(":")[2]
        extra = {"user_sub": f"sub-of-{user}", "user_pool_id": "p", "region": "eu-west-1"}
        return SimpleNamespace(**{**dict(found), **extra})

    def _issue(self, username: str) -> IamCredentials:
        serial = len(self.issued)
        credentials = IamCredentials(
            access_key_id=f"ASIA{username.upper()}{serial}",
            secret_access_key=SecretStr(f"secret-{serial}"),
            session_token=SecretStr(f"token-{serial}"),
            expiration=self.now + self.lifetime,
            identity_id=f"eu-west-1:{username}",
        )
        self.issued.append(credentials)
        return credentials

    def _tokens(self, username: str) -> AuthTokens:
        with self._lock:
            self._logins += 1
            serial = self._logins
        return AuthTokens(
            id_token=SecretStr("secret id token"),
            access_token=SecretStr("secret access token"),
            refresh_token=SecretStr(f"secret refresh token {serial}"),
            expires_at=self.now + self.token_lifetime,
            username=username,
            sub=self._subs.get(username, f"sub-of-{username}"),
        )

    def _challenge(self, name: str, username: str) -> AuthChallenge:
        return AuthChallenge(name=name, username=username, session=SecretStr(SESSION))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cognito(clock: Clock) -> FakeCognito:
    return FakeCognito(clock)


@pytest.fixture
def make_client(
    server: Any, cognito: FakeCognito, clock: Clock
) -> Iterator[Callable[..., AuthRestClient]]:
    made = []

    def make(base_url: str = server.url, **options: Any) -> AuthRestClient:
        options.setdefault("region", "eu-west-1")
        options.setdefault("retry", RetryPolicy(attempts=1))
        client = AuthRestClient(base_url, cognito=cognito, clock=clock, **options)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., AuthRestClient]) -> AuthRestClient:
    """A client of ``server``, which has seen nothing yet."""
    return make_client()


@pytest.fixture
def two_users(client: AuthRestClient) -> AuthRestClient:
    """The client with Alice (key ``ASIAALICE0``) and Bob (``ASIABOB1``) logged in."""
    client.login("alice", "p")
    client.login("bob", "p")
    return client


@pytest.fixture
def keys_used(server: Any) -> Callable[[], list[str]]:
    """The key ids that ``server`` was sent, in order."""

    def of(seen: Any) -> str:
        return str(seen.headers["Authorization"]).partition("Credential=")[2].partition("/")[0]

    return lambda: [of(seen) for seen in server.seen]


@pytest.fixture
def behind_gateway(
    make_client: Callable[..., AuthRestClient],
    serve: Callable[[Any], str],
    cognito: FakeCognito,
    clock: Clock,
) -> AuthRestClient:
    """A client of a gateway before a service that answers with the caller's identity."""

    async def service(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        who = dict(scope["headers"])[b"x-api-identityid"].decode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(who).encode()})

    return make_client(serve(LocalGateway(service, credentials=cognito.find, clock=clock)))


@pytest.fixture
def at_once() -> Callable[..., list[Any]]:
    """Call a function in so many threads at once; gives what each returned or raised."""

    def call(function: Callable[[int], Any], threads: int) -> list[Any]:
        barrier = threading.Barrier(threads)

        def run(number: int) -> Any:
            barrier.wait(20)
            try:
                return function(number)
            except Exception as exc:  # noqa: BLE001  # it is what the test looks at
                return exc

        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(run, range(threads)))

    return call


@pytest.fixture
def once_read_by(clock: Clock) -> Callable[[int, threading.Event], None]:
    """Set an event once so many threads have read the clock."""

    def arrange(threads: int, event: threading.Event) -> None:
        readers: set[int] = set()

        def on_read() -> None:
            readers.add(threading.get_ident())
            if len(readers) == threads:
                event.set()

        clock.on_read = on_read

    return arrange


@pytest.fixture
def types_of() -> Callable[[Sequence[Any]], set[type]]:
    return lambda outcomes: {type(outcome) for outcome in outcomes}
