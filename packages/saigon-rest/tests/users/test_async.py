"""Users of an event loop: the same users, and a loop that never stands still."""

import asyncio
import gc
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from saigon.aws.cognito.exceptions import (
    ChallengeRequiredError,
    CognitoError,
    InvalidCredentialsError,
)
from saigon.rest.client import AsyncAuthRestClient, AuthRestClient, RetryPolicy, UserIdentity
from saigon.rest.exceptions import ConfigurationError, ForbiddenError, NotLoggedInError

ALICE = UserIdentity("alice", "sub-of-alice", "eu-west-1:alice")
Make = Callable[..., AsyncAuthRestClient]


@pytest.fixture
def make_async(server: Any, cognito: Any, clock: Any) -> Make:
    def make(base_url: str = server.url, **options: Any) -> AsyncAuthRestClient:
        options = {"region": "eu-west-1", "retry": RetryPolicy(attempts=1), **options}
        return AsyncAuthRestClient(base_url, cognito=cognito, clock=clock, **options)

    return make


def test_a_login_gives_the_identity_that_calls_are_signed_as(
    make_async: Make, behind_gateway: AuthRestClient
) -> None:
    async def main() -> None:
        async with make_async(behind_gateway.base_url) as client:
            assert await client.login("alice", SecretStr("p")) == ALICE
            assert client.current_user == ALICE
            who = await client.create_resource(
                "/who/{x}", {"a": "€"}, str, path_params={"x": "a/b c"}, params={"q": "1 +/2"}
            )
            assert who == ALICE.identity_id

    asyncio.run(main())


def test_cognito_is_asked_in_a_thread(make_async: Make, cognito: Any) -> None:
    threads = set()

    def asked_in(name: str) -> None:
        ask = getattr(cognito, name)

        def keep(*args: Any, **kwargs: Any) -> Any:
            threads.add(threading.get_ident())
            return ask(*args, **kwargs)

        setattr(cognito, name, keep)

    for name in ("login_user", "respond_to_challenge", "get_iam_credentials"):
        asked_in(name)

    async def main() -> None:
        async with make_async() as client:
            with pytest.raises(InvalidCredentialsError):
                await client.login("alice", "wrong")
            with pytest.raises(ChallengeRequiredError) as caught:
                await client.login("alice", "temporary")
            assert client.current_user is None
            assert await client.respond_to_challenge(caught.value.challenge, "new") == ALICE
            client.logout()
            assert client.current_user is None

    asyncio.run(main())
    assert threads
    assert threading.get_ident() not in threads


def test_nobody_logged_in_is_an_error_before_anything_is_sent(
    make_async: Make, server: Any
) -> None:
    async def main() -> None:
        async with make_async() as client:
            with pytest.raises(NotLoggedInError, match="call login first"):
                await client.get_resource("/who", str)
            with pytest.raises(NotLoggedInError):
                client.stream("/")
            with pytest.raises(NotLoggedInError):
                client.paginate("/", int)

    asyncio.run(main())
    assert not server.connections


def test_fifty_tasks_wait_for_one_refresh_and_the_loop_goes_on(
    make_async: Make, cognito: Any, clock: Any, keys_used: Any
) -> None:
    async def main() -> int:
        # No more connections at once than the server has room for.
        few = httpx.AsyncClient(limits=httpx.Limits(max_connections=4))
        async with few, make_async(client=few) as client:
            await client.login("alice", "p")
            clock.pass_by(minutes=61)
            cognito.hold = threading.Event()
            cognito.entered.clear()
            calls = [asyncio.create_task(client.request("GET", "/")) for _ in range(50)]
            assert await asyncio.to_thread(cognito.entered.wait, 5)
            ticks = 0
            for _ in range(50):
                await asyncio.sleep(0)
                ticks += 1
            assert not any(call.done() for call in calls)
            # A thread is free for others all the while.
            others = asyncio.create_task(asyncio.to_thread(int))
            await asyncio.wait([others], timeout=5)
            assert others.done()
            cognito.hold.set()
            await asyncio.gather(*calls)
            return ticks

    assert asyncio.run(main()) == 50
    assert cognito.asked == 2
    assert keys_used() == ["ASIAALICE1"] * 50


def test_credentials_that_become_due_in_a_moment_are_not_fetched_in_the_loop(
    make_async: Make, cognito: Any, clock: Any
) -> None:
    threads = set()
    ask = cognito.get_iam_credentials

    def keep(tokens: Any, /) -> Any:
        threads.add(threading.get_ident())
        return ask(tokens)

    def pass_by() -> None:
        clock.now += timedelta(milliseconds=1)

    async def main() -> None:
        async with make_async() as client:
            await client.login("alice", "p")
            # Due once the clock has been read a few times more.
            clock.pass_by(minutes=54, seconds=59, milliseconds=998)
            clock.on_read = pass_by
            for _ in range(5):
                await client.request("GET", "/")

    cognito.get_iam_credentials = keep
    asyncio.run(main())
    assert cognito.asked == 2
    assert threading.get_ident() not in threads


def test_other_tasks_go_on_while_one_refreshes(
    make_async: Make, cognito: Any, clock: Any, keys_used: Any
) -> None:
    async def main() -> None:
        async with make_async() as client:
            await client.login("alice", "p")
            clock.pass_by(minutes=57)
            cognito.hold = threading.Event()
            cognito.entered.clear()
            refreshing = asyncio.create_task(client.request("GET", "/first"))
            assert await asyncio.to_thread(cognito.entered.wait, 5)
            await asyncio.gather(*[client.request("GET", "/others") for _ in range(20)])
            assert not refreshing.done()
            cognito.hold.set()
            await refreshing

    asyncio.run(main())
    assert keys_used() == ["ASIAALICE0"] * 20 + ["ASIAALICE1"]


def test_what_cannot_be_refreshed_is_asked_for_once(
    make_async: Make, cognito: Any, clock: Any, server: Any
) -> None:
    async def main() -> list[Any]:
        async with make_async() as client:
            await client.login("alice", "p")
            clock.pass_by(minutes=61)
            cognito.failure = CognitoError("unreachable", retryable=True)
            calls = [client.request("GET", "/") for _ in range(50)]
            return await asyncio.gather(*calls, return_exceptions=True)

    assert {type(outcome) for outcome in asyncio.run(main())} == {CognitoError}
    assert cognito.asked == 2
    assert not server.seen


def test_a_refresh_outlives_the_task_that_is_cancelled(
    make_async: Make, cognito: Any, clock: Any, keys_used: Any
) -> None:
    async def main() -> None:
        async with make_async() as client:
            await client.login("alice", "p")
            clock.pass_by(minutes=61)
            cognito.hold = threading.Event()
            cognito.entered.clear()
            call = asyncio.create_task(client.request("GET", "/"))
            assert await asyncio.to_thread(cognito.entered.wait, 5)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            cognito.hold.set()
            await client.request("GET", "/")

    asyncio.run(main())
    assert cognito.asked == 2
    assert keys_used() == ["ASIAALICE1"]


def test_calls_that_are_cancelled_leave_threads_to_others(
    make_async: Make, cognito: Any, clock: Any
) -> None:
    async def main() -> None:
        async with make_async() as client:
            await client.login("alice", "p")
            clock.pass_by(minutes=61)
            cognito.hold = threading.Event()
            # More than the event loop has threads, one after the other.
            for _ in range(40):
                call = asyncio.create_task(client.request("GET", "/"))
                for _ in range(5):
                    await asyncio.sleep(0)
                call.cancel()
                await asyncio.wait([call])
            other = asyncio.create_task(asyncio.to_thread(int))
            await asyncio.wait([other], timeout=5)
            assert other.done()
            cognito.hold.set()
            await client.request("GET", "/")

    asyncio.run(main())
    assert cognito.asked == 2


def test_a_failure_that_nobody_waits_for_any_more_is_silent(
    make_async: Make, cognito: Any, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with make_async() as client:
            await client.login("alice", "p")
            clock.pass_by(minutes=61)
            cognito.hold = threading.Event()
            cognito.entered.clear()
            call = asyncio.create_task(client.request("GET", "/"))
            assert await asyncio.to_thread(cognito.entered.wait, 5)
            call.cancel()
            await asyncio.wait([call])
            cognito.failure = CognitoError("unreachable", retryable=True)
            cognito.hold.set()
            with pytest.raises(CognitoError):
                await client.request("GET", "/")

    asyncio.run(main())
    gc.collect()
    assert "asyncio" not in {record.name for record in caplog.records}


def test_a_login_that_is_cancelled_logs_nobody_in(make_async: Make, cognito: Any) -> None:
    async def main() -> AsyncAuthRestClient:
        async with make_async() as client:
            cognito.hold = threading.Event()
            login = asyncio.create_task(client.login("alice", "p"))
            assert await asyncio.to_thread(cognito.entered.wait, 5)
            login.cancel()
            await asyncio.wait([login])
            cognito.hold.set()
            return client

    # Which waits for the threads too.
    client = asyncio.run(main())
    assert len(cognito.issued) == 1
    assert client.current_user is None


def test_tasks_do_not_share_the_user_of_a_block(
    make_async: Make, behind_gateway: AuthRestClient, clock: Any
) -> None:
    async def ask(client: AsyncAuthRestClient, name: str) -> set[str]:
        with client.as_user(name) as acting:
            assert acting.username == name
            return {await client.get_resource("/who", str) for _ in range(5)}

    async def main() -> list[set[str]]:
        async with make_async(behind_gateway.base_url) as client:
            await client.login("alice", "p")
            await client.login("bob", "p")
            # Their credentials are due, so that they are asked for in threads.
            clock.pass_by(minutes=56)
            answers = await asyncio.gather(*[ask(client, name) for name in ["alice", "bob"] * 4])
            with pytest.raises(NotLoggedInError, match="several"):
                await client.get_resource("/who", str)
            return list(answers)

    assert asyncio.run(main()) == [{"eu-west-1:alice"}, {"eu-west-1:bob"}] * 4


def test_a_call_ends_as_the_user_that_it_began_as(
    make_async: Make, server: Any, keys_used: Any
) -> None:
    clients: list[AsyncAuthRestClient] = []

    async def main() -> None:
        async with make_async(
            hooks=[lambda _event: clients[0].switch_user("bob")],
            retry=RetryPolicy(base_delay=0),
        ) as client:
            clients.append(client)
            await client.login("alice", "p")
            await client.login("bob", "p")
            client.switch_user("alice")
            server.answer(503)
            server.answer(302, Location="/elsewhere")
            await client.request("GET", "/")
            await client.request("GET", "/")

    asyncio.run(main())
    assert keys_used() == ["ASIAALICE0"] * 3 + ["ASIABOB1"]


def test_pages_and_streams_are_read_as_the_user_who_asked_for_them(
    make_async: Make, server: Any, keys_used: Any
) -> None:
    async def main() -> None:
        async with make_async() as client:
            await client.login("alice", "p")
            await client.login("bob", "p")
            with client.as_user("alice"):
                pages = client.paginate("/", int)
                stream = client.stream("/")
            with client.as_user("bob"):
                assert [page.data async for page in pages] == [[1], []]
                async with stream as opened:
                    assert [piece async for piece in opened.aiter_bytes()] == [b"abc"]
                    assert client.current_user is not None
                    assert client.current_user.username == "bob"

    server.answer(200, '{"data": [1], "page_token": "2"}')
    server.answer(200, '{"data": []}')
    server.answer(200, "abc")
    asyncio.run(main())
    assert keys_used() == ["ASIAALICE0"] * 3


def test_due_credentials_are_refreshed_where_they_are_refused(
    make_async: Make, server: Any, clock: Any, keys_used: Any, cognito: Any
) -> None:
    async def main() -> None:
        async with make_async() as client:
            await client.login("alice", "p")
            clock.pass_by(minutes=56)
            cognito.failure = CognitoError("unreachable", retryable=True)
            server.answer(403, x_amzn_ErrorType="ExpiredTokenException")
            with pytest.raises(ForbiddenError):
                await client.request("GET", "/")
            cognito.failure = None
            clock.pass_by(minutes=1)
            await client.request("GET", "/")

    asyncio.run(main())
    assert keys_used() == ["ASIAALICE0", "ASIAALICE1"]


def test_a_refused_signature_is_made_anew_by_the_server_s_clock(
    make_async: Make, server: Any
) -> None:
    async def main() -> None:
        async with make_async() as client:
            await client.login("alice", "p")
            server.answer(
                403,
                x_amzn_ErrorType="InvalidSignatureException",
                Date="Sun, 17 May 2026 12:07:00 GMT",
            )
            await client.request("POST", "/", body={})

    asyncio.run(main())
    assert [seen.headers["X-Amz-Date"] for seen in server.seen] == [
        "20260517T120000Z",
        "20260517T120700Z",
    ]


def test_the_region_is_that_of_the_host_or_given(make_async: Make) -> None:
    make_async("https://abc.execute-api.us-east-2.amazonaws.com/prod", region=None)
    with pytest.raises(ConfigurationError, match="aws_region"):
        make_async("https://api.example.com", region=None)


def test_no_secret_is_shown(make_async: Make) -> None:
    async def main() -> str:
        async with make_async() as client:
            await client.login("alice", "p")
            return repr(client) + repr(client._sender.__dict__) + repr(gc.get_referents(client))

    assert "secret" not in asyncio.run(main())
