"""Who a call is made as."""

from collections.abc import Callable
from typing import Any

import pytest

from saigon.rest.client import AuthRestClient, RetryPolicy, UserIdentity
from saigon.rest.exceptions import NotLoggedInError

Keys = Callable[[], list[str]]


def test_a_login_gives_the_identity_that_calls_are_signed_as(
    behind_gateway: AuthRestClient,
) -> None:
    identity = behind_gateway.login("alice", "p")
    assert identity == UserIdentity("alice", "sub-of-alice", "eu-west-1:alice")
    assert behind_gateway.current_user == identity
    assert behind_gateway.get_resource("/who", str, params={"a": "1 +/2"}) == "eu-west-1:alice"
    assert behind_gateway.request("POST", "/who/{x}", str, path_params={"x": "a/b c"}, body={}).data


CALLS: dict[str, Callable[[AuthRestClient], Any]] = {
    "get": lambda client: client.get_resource("/", str),
    "create": lambda client: client.create_resource("/", {}),
    "paginate": lambda client: client.paginate("/", str),
    "stream": lambda client: client.stream("/"),
    "download": lambda client: client.download_to("/", "unused"),
    "logout": lambda client: client.logout(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_nobody_logged_in_is_an_error_before_anything_is_sent(
    client: AuthRestClient, server: Any, call: Callable[[AuthRestClient], Any]
) -> None:
    with pytest.raises(NotLoggedInError, match="call login first"):
        call(client)
    assert client.current_user is None
    assert not server.connections


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_several_users_without_a_choice_are_an_error_before_anything_is_sent(
    two_users: AuthRestClient, server: Any, call: Callable[[AuthRestClient], Any]
) -> None:
    with pytest.raises(NotLoggedInError, match="as_user or switch_user"):
        call(two_users)
    assert two_users.current_user is None
    assert not server.connections


def test_calls_are_made_as_the_user_of_the_innermost_block(behind_gateway: AuthRestClient) -> None:
    alice, bob = behind_gateway.login("alice", "p"), behind_gateway.login("bob", "p")
    with behind_gateway.as_user(alice) as acting:
        assert acting == alice
        assert behind_gateway.get_resource("/who", str) == "eu-west-1:alice"
        with behind_gateway.as_user("bob"):
            assert behind_gateway.current_user == bob
            assert behind_gateway.get_resource("/who", str) == "eu-west-1:bob"
        assert behind_gateway.get_resource("/who", str) == "eu-west-1:alice"
    assert behind_gateway.current_user is None


def test_a_block_ends_with_the_error_that_leaves_it(two_users: AuthRestClient) -> None:
    two_users.switch_user("bob")
    with pytest.raises(LookupError), two_users.as_user("alice"):
        raise LookupError
    assert two_users.current_user is not None
    assert two_users.current_user.username == "bob"


def test_a_block_may_be_a_decorator(two_users: AuthRestClient, keys_used: Keys) -> None:
    @two_users.as_user("alice")  # type: ignore[operator]  # what contextlib adds, of no promise
    def call() -> None:
        two_users.request("GET", "/")

    call()
    call()
    assert keys_used() == ["ASIAALICE0"] * 2


def test_a_program_may_switch_its_user(two_users: AuthRestClient, keys_used: Keys) -> None:
    for user in ("bob", "alice"):
        two_users.switch_user(user)
        two_users.request("GET", "/")
    assert keys_used() == ["ASIABOB1", "ASIAALICE0"]


def test_a_block_goes_before_the_program_s_choice(
    two_users: AuthRestClient, keys_used: Keys
) -> None:
    with two_users.as_user("alice"):
        two_users.switch_user("bob")
        two_users.request("GET", "/")
    two_users.request("GET", "/")
    assert keys_used() == ["ASIAALICE0", "ASIABOB1"]


def test_a_user_who_is_not_logged_in_cannot_be_chosen(client: AuthRestClient) -> None:
    with pytest.raises(NotLoggedInError, match="'carol'"):
        client.switch_user("carol")
    with pytest.raises(NotLoggedInError, match="'carol'"), client.as_user("carol"):
        pass


def test_two_clients_do_not_share_the_user_of_a_block(
    make_client: Callable[..., AuthRestClient],
) -> None:
    one, other = make_client(), make_client()
    one.login("alice", "p")
    other.login("bob", "p")
    with one.as_user("alice"):
        assert other.current_user is not None
        assert other.current_user.username == "bob"


def test_another_login_does_not_take_over_from_who_acts(
    client: AuthRestClient, keys_used: Keys
) -> None:
    client.login("alice", "p")
    with client.as_user("alice"):
        client.login("bob", "p")
        client.request("GET", "/")
    client.switch_user("alice")
    client.login("carol", "p")
    client.request("GET", "/")
    assert keys_used() == ["ASIAALICE0"] * 2


def test_a_logout_forgets_the_current_user(client: AuthRestClient, server: Any) -> None:
    client.login("alice", "p")
    client.logout()
    assert client.current_user is None
    with pytest.raises(NotLoggedInError, match="nobody is logged in"):
        client.request("GET", "/")
    assert not server.connections


def test_a_logout_within_the_block_is_felt_within_it(
    two_users: AuthRestClient, server: Any
) -> None:
    with two_users.as_user("alice"):
        two_users.logout()
        assert two_users.current_user is None
        with pytest.raises(NotLoggedInError, match="'alice'"):
            two_users.request("GET", "/")
        two_users.login("alice", "p")
        two_users.request("GET", "/")
    assert two_users.current_user is None
    assert len(server.seen) == 1


def test_who_is_left_does_not_stand_in_for_the_one_who_was_chosen(
    two_users: AuthRestClient, server: Any
) -> None:
    two_users.switch_user("bob")
    two_users.logout()
    with pytest.raises(NotLoggedInError, match="'bob'"):
        two_users.request("GET", "/")
    assert two_users.current_user is None
    assert not server.connections
    two_users.switch_user("alice")
    two_users.request("GET", "/")


def test_who_logs_in_alone_is_the_current_user_whoever_was_chosen_before(
    client: AuthRestClient,
) -> None:
    client.login("alice", "p")
    client.switch_user("alice")
    client.logout()
    assert client.login("bob", "p") == client.current_user


def test_an_empty_name_logs_nobody_out(client: AuthRestClient) -> None:
    alice = client.login("alice", "p")
    client.logout("")
    client.logout("nobody")
    assert client.current_user == alice


def test_a_name_that_passed_to_another_user_is_not_the_one_who_was_meant(
    client: AuthRestClient, cognito: Any
) -> None:
    before = client.login("alice", "p")
    client.switch_user(before)
    cognito.give_the_name_to_another("alice")
    after = client.login("alice", "p")
    for choose in (client.switch_user, lambda user: client.as_user(user).__enter__()):
        with pytest.raises(NotLoggedInError, match="'alice'"):
            choose(before)
    assert client.current_user is None
    client.logout(before)
    client.switch_user("alice")
    assert client.current_user == after


def test_a_call_ends_as_the_user_that_it_began_as(
    make_client: Callable[..., AuthRestClient], server: Any, keys_used: Keys
) -> None:
    def another_thread_switches(_event: Any) -> None:
        program.switch_user("bob")

    program = make_client(
        hooks=[another_thread_switches], retry=RetryPolicy(base_delay=0), sleep=lambda _: None
    )
    program.login("alice", "p")
    program.login("bob", "p")
    program.switch_user("alice")
    server.answer(503)
    server.answer(302, Location="/elsewhere")
    program.request("GET", "/")
    assert keys_used() == ["ASIAALICE0"] * 3
    program.request("GET", "/")
    assert keys_used()[-1] == "ASIABOB1"


def test_a_call_is_not_gone_on_with_once_its_user_has_logged_out(
    make_client: Callable[..., AuthRestClient], server: Any
) -> None:
    program: AuthRestClient = make_client(
        hooks=[lambda _event: program.logout("alice")],
        retry=RetryPolicy(base_delay=0),
        sleep=lambda _: None,
    )
    program.login("alice", "p")
    program.login("bob", "p")
    server.answer(503)
    with program.as_user("alice"), pytest.raises(NotLoggedInError, match="'alice'"):
        program.request("GET", "/")
    assert len(server.seen) == 1
