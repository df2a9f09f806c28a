from collections.abc import Callable
from datetime import timedelta
from itertools import product, repeat
from typing import Any

import pytest

from saigon.rest._signing import signer as signing
from saigon.rest.sigv4 import SigV4Auth


@pytest.fixture(autouse=True)
def _no_keys_yet() -> None:
    signing._derived_key.cache_clear()


def test_a_key_is_derived_once_for_a_day_region_and_service(signed: Callable[..., Any]) -> None:
    for _ in range(3):
        signed()
    assert signing._derived_key.cache_info().misses == 1


def test_no_key_serves_another_secret_day_region_or_service(  # noqa: PLR0917  # fixtures
    now: Any,
    host: str,
    signed: Callable[..., Any],
    wire: Callable[..., Any],
    botocore_authorization: Callable[..., str],
    keys: Any,
) -> None:
    scopes = list(
        product(["s1", "s2"], [0, 1], ["eu-west-1", "eu-west-2"], ["execute-api", "other"])
    )
    for secret, days, region, service in [*scopes, *scopes]:
        clock = repeat(now + timedelta(days=days)).__next__
        auth = SigV4Auth("KEY", secret, host, region, service, clock=clock)
        sent = wire(signed(auth=auth))
        theirs = type(keys)("KEY", secret, None)
        assert sent.authorization == botocore_authorization(sent, region, service, keys=theirs)
    assert signing._derived_key.cache_info().misses == len(scopes)


def test_a_new_day_brings_a_new_key_to_a_signer_that_lives_on(
    now: Any,
    signer: Callable[..., Any],
    signed: Callable[..., Any],
    wire: Callable[..., Any],
    botocore_authorization: Callable[..., str],
) -> None:
    midnight = now.replace(hour=0) + timedelta(days=1)
    times = [midnight - timedelta(seconds=1), midnight]
    auth = signer(clock=lambda: times.pop(0))
    for _ in range(2):
        sent = wire(signed(auth=auth))
        assert sent.authorization == botocore_authorization(sent)
    assert signing._derived_key.cache_info().misses == 2


def test_not_every_key_is_kept_for_ever() -> None:
    assert signing._derived_key.cache_info().maxsize
