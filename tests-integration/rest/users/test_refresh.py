"""Credentials and tokens that Cognito renews while a user goes on calling."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from saigon.aws.cognito import CognitoClient
from saigon.aws.testing import LocalUser
from saigon.rest.client import AuthRestClient
from saigon.rest.exceptions import NotLoggedInError

Who = Callable[[], Any]


def test_credentials_are_renewed_ahead_of_their_expiry(
    client: AuthRestClient, aws_user: LocalUser, clock: Any, who: Who
) -> None:
    identity = client.login(aws_user.username, aws_user.password)
    seen = [who(), who()]
    for minutes in (57, 59.5):
        clock.ahead = timedelta(minutes=minutes)
        seen.append(who())
    assert {caller.identity_id for caller in seen} == {identity.identity_id}
    first, again, *renewed = [caller.access_key_id for caller in seen]
    assert first == again
    assert len({first, *renewed}) == 3


def test_a_user_who_was_signed_out_everywhere_has_to_log_in_again(
    client: AuthRestClient, cognito: CognitoClient, aws_user: LocalUser, clock: Any, who: Who
) -> None:
    client.login(aws_user.username, aws_user.password)
    cognito.admin_sign_out(aws_user.username)
    who()
    clock.ahead = timedelta(minutes=59, seconds=30)
    with pytest.raises(NotLoggedInError, match="call login again"):
        who()
    client.login(aws_user.username, aws_user.password)
    who()
