import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import SecretStr

from saigon.aws.cognito import AuthChallenge, AuthTokens, IamCredentials
from saigon.aws.cognito.exceptions import ChallengeRequiredError, CognitoError
from saigon.rest.client import AuthRestClient, RetryPolicy, UserIdentity
from saigon.rest.exceptions import ConfigurationError, ForbiddenError, NotLoggedInError
from saigon.rest.gateway import LocalGateway

START = datetime(2026, 5, 17, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **duration: float) -> None:
        self.now += timedelta(**duration)


class FakeCognito:
    """A user pool and an identity pool that tell users apart, and count what they are asked."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lifetime = timedelta(hours=1)
        self.refreshed = 0
        self.asked = 0
        self.issued: list[IamCredentials] = []
        self.failure: Exception | None = None
        self.hold: threading.Event | None = None

    def login_user(self, username: str, password: str, /) -> AuthTokens:
        if password == "temporary":
            raise ChallengeRequiredError(
                AuthChallenge(name="NEW_PASSWORD_REQUIRED", username=username)
            )
        return self._tokens(username)

    def respond_to_challenge(
        self, challenge: Any, answer: Any = None, *, responses: Any = None
    ) -> Any:
        if answer == "code?":
            return AuthChallenge(name="SOFTWARE_TOKEN_MFA", username=challenge.username)
        return self._tokens(challenge.username)

    def refresh_tokens(self, tokens: Any, /) -> AuthTokens:
        self.refreshed += 1
        return self._tokens(tokens.username)

    def get_iam_credentials(self, tokens: Any, /) -> IamCredentials:
        self.asked += 1
        if self.hold:
            self.hold.wait(5)
        if self.failure:
            raise self.failure
        credentials = IamCredentials(
            access_key_id=f"ASIA{tokens.username.upper()}{len(self.issued)}",
            secret_access_key=SecretStr(f"secret-{len(self.issued)}"),
            session_token=SecretStr(f"token-{len(self.issued)}"),
            expiration=self.clock() + self.lifetime,
            identity_id=f"eu-west-1:{tokens.username}",
        )
        self.issued.append(credentials)
        return credentials

    def _tokens(self, username: str) -> AuthTokens:
        return AuthTokens(
            id_token=SecretStr("id"),
            access_token=SecretStr("access"),
            refresh_token=SecretStr("refresh"),
            expires_at=self.clock() + timedelta(hours=1),
            username=username,
            sub=f"sub-of-{username}",
        )

    def find(self, access_key_id: str) -> Any:
        found = [c for c in self.issued if c.access_key_id == access_key_id]
        if not found:
            return None
        user = found[0].identity_id.partition(":")[2]
        extra = {"user_sub": f"sub-of-{user}", "user_pool_id": "p", "region": "eu-west-1"}
        return type("Caller", (), {**found[0].model_dump(), **extra})


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
    return make_client()


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


def key_used(seen: Any) -> str:
    return str(seen.headers["Authorization"]).partition("Credential=")[2].partition("/")[0]


def test_a_login_gives_the_identity_that_calls_are_signed_as(
    behind_gateway: AuthRestClient,
) -> None:
    identity = behind_gateway.login("alice", SecretStr("p"))
    assert identity == UserIdentity("alice", "sub-of-alice", "eu-west-1:alice")
    assert behind_gateway.current_user == identity
    assert behind_gateway.get_resource("/who", str, params={"a": "1 +/2"}) == "eu-west-1:alice"
    assert behind_gateway.request("POST", "/who/{x}", str, path_params={"x": "a/b c"}, body={}).data


def test_nobody_logged_in_is_an_error_before_anything_is_sent(
    client: AuthRestClient, server: Any
) -> None:
    with pytest.raises(NotLoggedInError, match="call login first"):
        client.get_resource("/who", str)
    assert client.current_user is None
    assert not server.seen
    assert not server.connections


def test_several_users_without_a_choice_are_an_error(client: AuthRestClient, server: Any) -> None:
    client.login("alice", "p")
    client.login("bob", "p")
    with pytest.raises(NotLoggedInError, match="as_user or switch_user"):
        client.get_resource("/who", str)
    assert client.current_user is None
    assert not server.seen


def test_calls_are_made_as_the_user_of_the_block(behind_gateway: AuthRestClient) -> None:
    alice, bob = behind_gateway.login("alice", "p"), behind_gateway.login("bob", "p")
    with behind_gateway.as_user(alice) as acting:
        assert acting == alice
        assert behind_gateway.get_resource("/who", str) == "eu-west-1:alice"
        with behind_gateway.as_user("bob"):
            assert behind_gateway.current_user == bob
            assert behind_gateway.get_resource("/who", str) == "eu-west-1:bob"
        assert behind_gateway.get_resource("/who", str) == "eu-west-1:alice"
    assert behind_gateway.current_user is None


def test_threads_do_not_share_the_user_of_a_block(behind_gateway: AuthRestClient) -> None:
    for name in ("alice", "bob"):
        behind_gateway.login(name, "p")

    def ask(name: str) -> set[str]:
        with behind_gateway.as_user(name):
            return {behind_gateway.get_resource("/who", str) for _ in range(10)}

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, ["alice", "bob"] * 4))
    assert answers == [{"eu-west-1:alice"}, {"eu-west-1:bob"}] * 4


def test_tasks_do_not_share_the_user_of_a_block(client: AuthRestClient) -> None:
    client.login("alice", "p")
    client.login("bob", "p")

    async def acting(name: str) -> str:
        with client.as_user(name):
            await asyncio.sleep(0)
            user = client.current_user
            return user.username if user else ""

    async def both() -> list[str]:
        return list(await asyncio.gather(acting("alice"), acting("bob")))

    assert asyncio.run(both()) == ["alice", "bob"]


def test_two_clients_do_not_share_the_user_of_a_block(
    make_client: Callable[..., AuthRestClient],
) -> None:
    one, other = make_client(), make_client()
    one.login("alice", "p")
    other.login("bob", "p")
    with one.as_user("alice"):
        assert other.current_user is not None
        assert other.current_user.username == "bob"


def test_a_program_may_switch_its_user(client: AuthRestClient, server: Any) -> None:
    client.login("alice", "p")
    bob = client.login("bob", "p")
    client.switch_user(bob)
    client.request("GET", "/")
    client.switch_user("alice")
    client.request("GET", "/")
    assert [key_used(seen) for seen in server.seen] == ["ASIABOB1", "ASIAALICE0"]


def test_a_user_who_is_not_logged_in_cannot_be_chosen(client: AuthRestClient) -> None:
    with pytest.raises(NotLoggedInError, match="'carol'"):
        client.switch_user("carol")
    with pytest.raises(NotLoggedInError, match="'carol'"), client.as_user("carol"):
        pass


def test_a_logout_forgets_the_user(client: AuthRestClient, server: Any) -> None:
    with pytest.raises(NotLoggedInError):
        client.logout()
    alice = client.login("alice", "p")
    client.login("bob", "p")
    client.switch_user("bob")
    client.logout()
    client.request("GET", "/")
    assert key_used(server.seen[0]) == "ASIAALICE0"
    with client.as_user(alice):
        client.logout(alice)
        with pytest.raises(NotLoggedInError, match="'alice'"):
            client.request("GET", "/")
    assert len(server.seen) == 1


def test_a_challenge_surfaces_and_can_be_answered(client: AuthRestClient) -> None:
    with pytest.raises(ChallengeRequiredError) as caught:
        client.login("alice", "temporary")
    with pytest.raises(ChallengeRequiredError, match="SOFTWARE_TOKEN_MFA"):
        client.respond_to_challenge(caught.value.challenge, "code?")
    assert client.current_user is None
    identity = client.respond_to_challenge(caught.value.challenge, "new password")
    assert client.current_user == identity


def test_credentials_are_refreshed_ahead_of_their_expiry(
    client: AuthRestClient, server: Any, cognito: FakeCognito, clock: Clock
) -> None:
    client.login("alice", "p")
    for minutes in (54, 2, 2):
        clock.pass_by(minutes=minutes)
        client.request("GET", "/")
    assert [key_used(seen) for seen in server.seen] == ["ASIAALICE0", "ASIAALICE1", "ASIAALICE1"]
    assert cognito.refreshed == 0
    clock.pass_by(minutes=54)
    client.request("GET", "/")
    assert (key_used(server.seen[-1]), cognito.refreshed) == ("ASIAALICE2", 1)


def test_credentials_that_live_shortly_are_not_fetched_for_each_call(
    client: AuthRestClient, server: Any, cognito: FakeCognito, clock: Clock
) -> None:
    cognito.lifetime = timedelta(minutes=4)
    client.login("alice", "p")
    clock.pass_by(minutes=2)
    client.request("GET", "/")
    assert len(cognito.issued) == 1


def test_expired_credentials_are_fetched_once_however_many_threads_ask(
    client: AuthRestClient, server: Any, cognito: FakeCognito, clock: Clock
) -> None:
    client.login("alice", "p")
    clock.pass_by(hours=2)
    cognito.hold = threading.Event()
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(client.request, "GET", "/") for _ in range(16)]
        cognito.hold.set()
        for call in calls:
            call.result()
    assert len(cognito.issued) == 2
    assert {key_used(seen) for seen in server.seen} == {"ASIAALICE1"}
    assert {seen.headers["X-Amz-Security-Token"] for seen in server.seen} == {"token-1"}


def test_those_who_waited_for_a_fetch_that_failed_fail_with_it(
    client: AuthRestClient, cognito: FakeCognito, clock: Clock
) -> None:
    client.login("alice", "p")
    clock.pass_by(hours=2)
    cognito.failure = CognitoError("no")
    cognito.hold = threading.Event()
    waiting = threading.Barrier(9)

    def call() -> None:
        waiting.wait()
        client.request("GET", "/")

    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(call) for _ in range(8)]
        waiting.wait()
        time.sleep(0.1)
        cognito.hold.set()
        assert {type(call.exception()) for call in calls} == {CognitoError}
    assert cognito.asked < 9
    cognito.failure = None
    client.request("GET", "/")


def test_a_call_ends_as_the_user_that_it_began_as(
    make_client: Callable[..., AuthRestClient], server: Any
) -> None:
    def another_thread_switches(_event: Any) -> None:
        program.switch_user("bob")

    program = make_client(hooks=[another_thread_switches], retry=RetryPolicy(base_delay=0))
    program.login("alice", "p")
    program.login("bob", "p")
    program.switch_user("alice")
    server.answer(503)
    server.answer(302, Location="/elsewhere")
    program.request("GET", "/")
    assert [key_used(seen) for seen in server.seen] == ["ASIAALICE0"] * 3
    program.request("GET", "/")
    assert key_used(server.seen[-1]) == "ASIABOB1"


def test_an_empty_name_logs_nobody_out(client: AuthRestClient) -> None:
    client.login("alice", "p")
    client.logout("")
    assert client.current_user is not None


def test_other_threads_go_on_while_one_refreshes(
    client: AuthRestClient, server: Any, cognito: FakeCognito, clock: Clock
) -> None:
    client.login("alice", "p")
    clock.pass_by(minutes=57)
    cognito.hold = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        refreshing = pool.submit(client.request, "GET", "/first")
        while not client._users.current()._refreshing.locked():
            time.sleep(0.001)
        client.request("GET", "/second")
        cognito.hold.set()
        refreshing.result()
    assert [(seen.target, key_used(seen)) for seen in server.seen] == [
        ("/second", "ASIAALICE0"),
        ("/first", "ASIAALICE1"),
    ]


def test_valid_credentials_stay_in_use_while_cognito_is_out_of_reach(
    client: AuthRestClient, server: Any, cognito: FakeCognito, clock: Clock
) -> None:
    client.login("alice", "p")
    clock.pass_by(minutes=56)
    cognito.failure = CognitoError("unreachable", retryable=True)
    client.request("GET", "/")
    client.request("GET", "/")
    cognito.failure = None
    clock.pass_by(seconds=16)
    client.request("GET", "/")
    assert [key_used(seen) for seen in server.seen] == ["ASIAALICE0"] * 2 + ["ASIAALICE1"]


@pytest.mark.parametrize(
    ("minutes", "failure"),
    [(56, CognitoError("signed out")), (61, CognitoError("unreachable", retryable=True))],
    ids=["for good", "expired"],
)
def test_what_cannot_be_refreshed_is_an_error(  # noqa: PLR0917  # fixtures and the table's columns
    client: AuthRestClient,
    server: Any,
    cognito: FakeCognito,
    clock: Clock,
    minutes: int,
    failure: Exception,
) -> None:
    client.login("alice", "p")
    clock.pass_by(minutes=minutes)
    cognito.failure = failure
    with pytest.raises(CognitoError):
        client.request("GET", "/")
    assert not server.seen


def test_a_refreshed_token_is_kept_although_the_credentials_fail(
    client: AuthRestClient, cognito: FakeCognito, clock: Clock
) -> None:
    client.login("alice", "p")
    clock.pass_by(hours=2)
    cognito.failure = CognitoError("unreachable", retryable=True)
    for _ in range(2):
        with pytest.raises(CognitoError):
            client.request("GET", "/")
    assert cognito.refreshed == 1


def test_a_refused_call_is_signed_once_more_with_newer_credentials(
    client: AuthRestClient, server: Any, clock: Clock
) -> None:
    client.login("alice", "p")
    respond = server.respond

    def respond_late(handler: Any) -> None:
        clock.pass_by(minutes=56)
        server.respond = respond
        respond(handler)

    server.respond = respond_late
    server.answer(403, '{"message": "Forbidden"}')
    client.request("POST", "/", body={"a": 1})
    assert [(key_used(seen), seen.body) for seen in server.seen] == [
        ("ASIAALICE0", b'{"a":1}'),
        ("ASIAALICE1", b'{"a":1}'),
    ]


@pytest.mark.parametrize(
    "headers", [{}, {"x_amzn_ErrorType": "AccessDeniedException"}], ids=["service", "policy"]
)
def test_another_refusal_stands(
    client: AuthRestClient, server: Any, headers: dict[str, str]
) -> None:
    client.login("alice", "p")
    server.answer(403, '{"message": "not yours"}', **headers)
    with pytest.raises(ForbiddenError):
        client.request("GET", "/")
    assert len(server.seen) == 1


def test_a_clock_that_is_off_is_set_right(client: AuthRestClient, server: Any) -> None:
    client.login("alice", "p")
    at = format_datetime(START + timedelta(minutes=7), usegmt=True)
    server.answer(403, '{"message": "Forbidden"}', Date=at)
    client.request("GET", "/")
    assert [seen.headers["X-Amz-Date"] for seen in server.seen] == [
        "20260517T120000Z",
        "20260517T120700Z",
    ]


def test_the_signature_is_for_the_hosts_region_and_service(
    make_client: Callable[..., AuthRestClient],
) -> None:
    url = "https://abc.execute-api.us-east-2.amazonaws.com/prod"
    auth: Any = make_client(url, region=None)._sender.authorization._auth
    assert (auth.aws_region, auth.service) == ("us-east-2", "execute-api")
    with pytest.raises(ConfigurationError, match="aws_region"):
        make_client("https://api.example.com", region=None)


def test_a_client_needs_cognito() -> None:
    with pytest.raises(TypeError, match="cognito_config"):
        AuthRestClient("https://api.example.com", region="eu-west-1")


def test_no_secret_is_shown(client: AuthRestClient, server: Any) -> None:
    client.login("alice", "p")
    assert "secret" not in repr(client) + repr(client._sender.__dict__)
