"""Two users of one client, in turn and in threads, over real sockets."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from saigon.aws.testing import LocalAws, LocalUser, LocalUserPool
from saigon.rest.client import AuthRestClient, UserIdentity

Who = Callable[[], Any]
THREADS, CALLS = 8, 10


@pytest.fixture
def identities(
    client: AuthRestClient, aws: LocalAws, aws_user: LocalUser, aws_user_pool: LocalUserPool
) -> list[UserIdentity]:
    """Two users who are logged in."""
    users = [aws_user, aws.create_user(aws_user_pool)]
    return [client.login(user.username, user.password) for user in users]


def test_each_call_is_the_one_s_whose_turn_it_is(
    client: AuthRestClient, identities: list[UserIdentity], who: Who
) -> None:
    assert len({identity.identity_id for identity in identities}) == 2
    for identity in identities * 3:
        with client.as_user(identity):
            assert who().identity_id == identity.identity_id
    for identity in identities:
        client.switch_user(identity)
        assert who().identity_id == identity.identity_id


def test_threads_call_as_both_users_and_each_is_known(
    client: AuthRestClient, identities: list[UserIdentity], who: Who
) -> None:
    together = Barrier(THREADS)

    def call(number: int) -> list[tuple[str, str]]:
        seen = []
        together.wait(20)
        for turn in range(CALLS * len(identities)):
            identity = identities[(number + turn) % len(identities)]
            with client.as_user(identity):
                seen.append((identity.identity_id, who().identity_id))
        return seen

    with ThreadPoolExecutor(THREADS) as pool:
        seen = [pair for pairs in pool.map(call, range(THREADS)) for pair in pairs]
    assert len(seen) == THREADS * CALLS * len(identities)
    assert all(meant == known for meant, known in seen)
    assert len(set(seen)) == len(identities)


def test_tasks_call_in_threads_as_the_users_of_their_blocks(
    client: AuthRestClient, identities: list[UserIdentity], who: Who
) -> None:
    async def call(identity: UserIdentity) -> str:
        with client.as_user(identity):
            return str((await asyncio.to_thread(who)).identity_id)

    async def all_of_them() -> list[str]:
        return list(await asyncio.gather(*(call(identity) for identity in identities * 4)))

    assert asyncio.run(all_of_them()) == [each.identity_id for each in identities * 4]
