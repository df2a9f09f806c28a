"""Threads, tasks and generators, each with its own idea of who acts."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from saigon.rest.client import AuthRestClient
from saigon.rest.exceptions import NotLoggedInError

Keys = Callable[[], list[str]]


def name_of(client: AuthRestClient) -> str | None:
    user = client.current_user
    return user.username if user else None


def test_threads_do_not_share_the_user_of_a_block(behind_gateway: AuthRestClient) -> None:
    for name in ("alice", "bob"):
        behind_gateway.login(name, "p")

    def ask(name: str) -> set[str]:
        with behind_gateway.as_user(name):
            return {behind_gateway.get_resource("/who", str) for _ in range(10)}

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, ["alice", "bob"] * 4))
    assert answers == [{"eu-west-1:alice"}, {"eu-west-1:bob"}] * 4


def test_a_pool_s_thread_does_not_know_of_the_block_that_it_is_used_in(
    two_users: AuthRestClient, server: Any
) -> None:
    with two_users.as_user("alice"), ThreadPoolExecutor(1) as pool:
        with pytest.raises(NotLoggedInError, match="as_user or switch_user"):
            pool.submit(two_users.request, "GET", "/").result()
        assert not server.connections
        two_users.switch_user("bob")
        assert pool.submit(name_of, two_users).result() == "bob"


def test_a_pool_s_thread_acts_in_the_context_that_it_is_given(
    two_users: AuthRestClient, keys_used: Keys
) -> None:
    with two_users.as_user("alice"), ThreadPoolExecutor(1) as pool:
        pool.submit(copy_context().run, lambda: two_users.request("GET", "/")).result()
    assert keys_used() == ["ASIAALICE0"]


def test_a_switch_reaches_every_thread_but_those_in_a_block(two_users: AuthRestClient) -> None:
    in_block, switched = threading.Event(), threading.Event()

    def in_its_own_block() -> str | None:
        with two_users.as_user("alice"):
            in_block.set()
            assert switched.wait(20)
            return name_of(two_users)

    with ThreadPoolExecutor(2) as pool:
        acting = pool.submit(in_its_own_block)
        assert in_block.wait(20)
        two_users.switch_user("bob")
        switched.set()
        assert (acting.result(), pool.submit(name_of, two_users).result()) == ("alice", "bob")


def test_tasks_do_not_share_the_user_of_a_block(two_users: AuthRestClient) -> None:
    async def acting(name: str, turn: asyncio.Barrier) -> str | None:
        with two_users.as_user(name):
            await turn.wait()
            return name_of(two_users)

    async def both() -> list[str | None]:
        turn = asyncio.Barrier(2)
        return list(await asyncio.gather(acting("alice", turn), acting("bob", turn)))

    assert asyncio.run(both()) == ["alice", "bob"]


def test_a_task_goes_on_as_the_user_of_the_block_that_started_it(
    two_users: AuthRestClient, keys_used: Keys
) -> None:
    async def main() -> None:
        ended = asyncio.Event()

        async def call() -> None:
            await ended.wait()
            await asyncio.to_thread(two_users.request, "GET", "/")

        with two_users.as_user("alice"):
            task = asyncio.create_task(call())
        assert two_users.current_user is None
        ended.set()
        await task

    asyncio.run(main())
    assert keys_used() == ["ASIAALICE0"]


def generator(client: AuthRestClient, user: str) -> Iterator[str | None]:
    with client.as_user(user):
        yield name_of(client)


def test_the_blocks_of_generators_end_in_any_order(two_users: AuthRestClient) -> None:
    first, second = generator(two_users, "alice"), generator(two_users, "bob")
    assert [next(first), next(second)] == ["alice", "bob"]
    with two_users.as_user("alice"):
        assert list(first) == []
        assert name_of(two_users) == "alice"
        assert list(second) == []
        assert name_of(two_users) == "alice"
    assert name_of(two_users) is None


def test_the_block_of_a_generator_may_end_in_another_thread(two_users: AuthRestClient) -> None:
    begun = generator(two_users, "alice")
    next(begun)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(list, begun).result() == []


PAGES = ('{"data": ["a"], "page_token": "next"}', '{"data": ["b"], "page_token": null}')


@pytest.fixture
def pages(two_users: AuthRestClient, server: Any) -> Iterator[Any]:
    """Pages that are asked for as Alice, of which the first two are there."""
    for page in PAGES:
        server.answer(200, page)
    with two_users.as_user("alice"):
        return two_users.paginate("/", str)


def test_each_page_is_read_as_the_user_that_the_first_was_asked_for_as(
    two_users: AuthRestClient, pages: Iterator[Any], keys_used: Keys
) -> None:
    two_users.switch_user("bob")
    read = []
    for page in pages:
        read += page.data
        assert name_of(two_users) == "bob"
    assert read == ["a", "b"]
    assert keys_used() == ["ASIAALICE0"] * 2


def test_pages_may_be_read_in_another_thread(pages: Iterator[Any], keys_used: Keys) -> None:
    next(pages)
    with ThreadPoolExecutor(1) as pool:
        assert [page.data for page in pool.submit(list, pages).result()] == [["b"]]
    assert keys_used() == ["ASIAALICE0"] * 2


def test_pages_end_with_the_login_that_they_are_read_by(
    two_users: AuthRestClient, pages: Iterator[Any], server: Any
) -> None:
    next(pages)
    two_users.logout("alice")
    with pytest.raises(NotLoggedInError, match="'alice'"):
        next(pages)
    assert len(server.seen) == 1


def test_a_stream_is_opened_as_the_user_that_it_was_asked_for_as(
    two_users: AuthRestClient, server: Any, keys_used: Keys
) -> None:
    server.answer(200, b"abc")
    with two_users.as_user("alice"):
        opening = two_users.stream("/")
    two_users.switch_user("bob")
    with opening as stream:
        assert name_of(two_users) == "bob"
        two_users.logout("alice")
        assert b"".join(stream.iter_bytes()) == b"abc"
    assert keys_used() == ["ASIAALICE0"]


def test_a_download_is_the_user_s(
    two_users: AuthRestClient, server: Any, keys_used: Keys, tmp_path: Path
) -> None:
    server.answer(200, b"abc")
    with two_users.as_user("bob"):
        assert two_users.download_to("/", tmp_path / "file") == 3
    assert keys_used() == ["ASIABOB1"]


def test_a_condition_is_asked_for_in_the_context_of_who_waits(
    make_client: Callable[..., AuthRestClient], server: Any, keys_used: Keys
) -> None:
    def another_thread_switches(_seconds: float) -> None:
        client.switch_user("bob")

    client = make_client(sleep=another_thread_switches)
    for name in ("alice", "bob"):
        client.login(name, "p")
    for answer in ("false", "true", "false", "true"):
        server.answer(200, answer)
    with client.as_user("alice"):
        client.wait_for_condition(lambda: client.get_resource("/", bool), 60)
    client.switch_user("alice")
    client.wait_for_condition(lambda: client.get_resource("/", bool), 60)
    assert keys_used() == ["ASIAALICE0"] * 3 + ["ASIABOB1"]
