"""The public keys of a user pool: fetched rarely, kept while the endpoint is down.

Imports PyJWT and requests, so it is imported itself only when a token is verified.
"""

import json
import logging
import time
from collections.abc import Callable
from typing import Final

import requests
from jwt import PyJWK, PyJWKClient, PyJWKSet
from jwt.exceptions import (
    PyJWKClientConnectionError,
    PyJWKClientError,
    PyJWKSetError,
    PyJWTError,
)

from saigon.aws.cognito._calls.api import is_loopback
from saigon.aws.cognito.exceptions import JwksUnavailableError, UnknownKeyError

_LOG = logging.getLogger(__name__)

_MAX_BYTES: Final = 1_000_000
# While nothing is cached, threads that wait for one another do not each wait for the time-out.
_PAUSE_SECONDS: Final = 1.0


class JwksClient(PyJWKClient):
    """PyJWT's client, fetching through requests, with a cache that outlives an outage.

    A fetch happens where the set is older than ``lifespan`` or lacks the key asked for, and never
    sooner than ``cooldown`` after the last one, be it that it failed.

    Args:
        url: The one address that is ever asked; no redirect is followed.
        lifespan: Seconds that a set is used without asking again.
        cooldown: Seconds between two fetches.
        timeouts: Seconds to wait for a connection, and for an answer.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        lifespan: float,
        cooldown: float,
        timeouts: tuple[float, float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        # PyJWT's own cache forgets the set when it expires, whether or not there is a new one.
        super().__init__(url, cache_jwk_set=False)
        self._lifespan = lifespan
        self._cooldown = cooldown
        self._timeouts = timeouts
        self._clock = clock
        self._keys: PyJWKSet | None = None
        self._fetched_at = self._attempted_at = float("-inf")

    def key(self, kid: str) -> PyJWK:
        """Return the pool's RSA signing key of this id.

        Raises:
            UnknownKeyError: The pool has no such key.
            JwksUnavailableError: The keys cannot be fetched, and none are cached.
        """
        try:
            key = self.get_signing_key(kid)
        except PyJWKClientConnectionError as error:
            raise JwksUnavailableError(
                "the user pool's public keys cannot be fetched and none are cached; "
                "check jwks_url and the network",
                retryable=True,
            ) from error
        except (PyJWKClientError, PyJWKSetError) as error:
            raise UnknownKeyError("the user pool has no signing key of the token's id") from error
        if key.key_type != "RSA":
            raise UnknownKeyError("the user pool's key of the token's id is not an RSA key")
        return key

    def get_jwk_set(self, refresh: bool = False) -> PyJWKSet:  # noqa: FBT001, FBT002  # PyJWT's
        """Return the set, new where it is due and can be had, else the last good one."""
        now = self._clock()
        if self._keys is not None and not self._is_due(now, refresh=refresh):
            return self._keys
        if self._keys is None and now - self._attempted_at < _PAUSE_SECONDS:
            raise PyJWKClientConnectionError("the last attempt has just failed")
        self._attempted_at = now
        try:
            self._keys = self.fetch_data()
            self._fetched_at = now
        except PyJWKClientConnectionError:
            if self._keys is None:
                raise
            _LOG.warning("cannot fetch %s; the last good keys stay in use", self.uri)
        return self._keys

    def fetch_data(self) -> PyJWKSet:
        """Fetch the set, or say that it cannot be had."""
        try:
            with requests.Session() as session:
                session.trust_env = not is_loopback(self.uri)
                return self._download(session)
        except (
            requests.RequestException,
            PyJWTError,
            ValueError,
            OSError,
            RecursionError,
        ) as error:
            raise PyJWKClientConnectionError(type(error).__name__) from error

    def _is_due(self, now: float, *, refresh: bool) -> bool:
        stale = refresh or now - self._fetched_at >= self._lifespan
        return stale and now - self._attempted_at >= self._cooldown

    def _download(self, session: requests.Session) -> PyJWKSet:
        with session.get(
            self.uri, timeout=self._timeouts, allow_redirects=False, stream=True
        ) as response:
            if response.status_code != requests.codes.ok:
                raise ValueError(f"HTTP status {response.status_code}")
            body = response.raw.read(_MAX_BYTES + 1, decode_content=True)
        if len(body) > _MAX_BYTES:
            raise ValueError("the key set is too large")
        keys = json.loads(body)
        # An unusable set must not replace a usable one.
        return PyJWKSet.from_dict(self._as_jwk_set_payload(keys))
