"""The public keys of a user pool: fetched rarely, kept while the endpoint is down.

Imports PyJWT and requests, so it is imported itself only when a token is verified.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from jwt import PyJWK, PyJWKClient
from jwt.exceptions import PyJWKClientConnectionError, PyJWKClientError, PyJWKSetError
from urllib3.exceptions import HTTPError

from saigon.aws.cognito._calls.api import is_loopback
from saigon.aws.cognito.exceptions import JwksUnavailableError, UnknownKeyError

_LOG = logging.getLogger(__name__)

_MAX_BYTES: Final = 1_000_000
# While nothing is cached, threads that wait for one another do not each wait for the time-out.
_PAUSE_SECONDS: Final = 1.0
# RFC 7518, 3.3
_MIN_KEY_BITS: Final = 2048


class JwksClient(PyJWKClient):
    """PyJWT's client, fetching through requests, with a cache that outlives an outage.

    A fetch happens where the set is older than ``lifespan`` or lacks the key asked for, and never
    sooner than ``cooldown`` after the last one, be it that it failed. Whose key is at hand does not
    wait for another thread's fetch.

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
        self._keys: Mapping[str, PyJWK] = {}
        self._fetched_at = self._attempted_at = float("-inf")
        self._fetching = Lock()

    def key(self, kid: str) -> PyJWK:
        """Return the pool's RSA signing key of this id.

        Raises:
            UnknownKeyError: The pool has no such key.
            JwksUnavailableError: The keys cannot be fetched, and none are cached; or another thread
                is still fetching them, and this one may be among them.
        """
        key = self._keys.get(kid)
        if key is None or self._clock() - self._fetched_at >= self._lifespan:
            if self._fetching.acquire(timeout=self._patience(key)):
                try:
                    self._renew(kid)
                finally:
                    self._fetching.release()
            elif key is None:
                raise _unavailable("the user pool's public keys are still being fetched")
            key = self._keys.get(kid)
        if key is None:
            raise UnknownKeyError("the user pool has no RSA signing key of the token's id")
        return key

    def _patience(self, key: PyJWK | None) -> float:
        """Return the seconds to wait for another thread's fetch."""
        if key is not None:
            return 0
        return _PAUSE_SECONDS if self._keys else sum(self._timeouts)

    def _renew(self, kid: str) -> None:
        """Fetch the keys, where it is time to and no other thread has just done so."""
        now = self._clock()
        if kid in self._keys and now - self._fetched_at < self._lifespan:
            return
        if now - self._attempted_at < (self._cooldown if self._keys else _PAUSE_SECONDS):
            self._require_keys()
            return
        try:
            self._keys = self._fetched_keys()
            self._fetched_at = now
        except (PyJWKClientError, PyJWKSetError) as error:
            # Not the address, which may hold a key in its query.
            _LOG.warning("cannot fetch the keys from %s: %s", urlsplit(self.uri).hostname, error)
        finally:
            self._attempted_at = self._clock()
        self._require_keys()

    def _fetched_keys(self) -> Mapping[str, PyJWK]:
        """Fetch a set that is of use; any other must not replace one."""
        keys = {str(key.key_id): key for key in self.get_signing_keys()}
        strong = {kid: key for kid, key in keys.items() if key.key.key_size >= _MIN_KEY_BITS}
        if not strong:
            raise PyJWKClientError("no RSA signing key of 2048 bits")
        return strong

    def _require_keys(self) -> None:
        if not self._keys:
            raise _unavailable(
                "the user pool's public keys cannot be fetched and none are cached; "
                "check jwks_url and the network"
            )

    def fetch_data(self) -> Any:
        """Fetch the set, or say that it cannot be had."""
        try:
            with requests.Session() as session:
                session.trust_env = not is_loopback(self.uri)
                return self._download(session)
        except (
            requests.RequestException,
            HTTPError,  # of the body, which is read without requests' help
            ValueError,
            OSError,
            RecursionError,
        ) as error:
            failure = PyJWKClientConnectionError(type(error).__name__)
        # Outside of the handler: the caught error holds the request, with its address.
        raise failure

    def _download(self, session: requests.Session) -> Any:
        with session.get(
            self.uri, timeout=self._timeouts, allow_redirects=False, stream=True
        ) as response:
            if response.status_code != requests.codes.ok:
                raise ValueError(f"HTTP status {response.status_code}")
            body = response.raw.read(_MAX_BYTES + 1, decode_content=True)
        if len(body) > _MAX_BYTES:
            raise ValueError("the key set is too large")
        return _usable(json.loads(body))


def _unavailable(message: str) -> JwksUnavailableError:
    return JwksUnavailableError(message, retryable=True)


def _usable(key_set: Any) -> dict[str, Any]:
    """Leave out keys of other kinds: over one that it cannot read PyJWT gives the set up."""
    keys = key_set.get("keys") if isinstance(key_set, dict) else None
    found = keys if isinstance(keys, list) else ()
    return {"keys": [key for key in found if isinstance(key, dict) and _is_for_tokens(key)]}


def _is_for_tokens(key: Mapping[str, Any]) -> bool:
    is_public = "d" not in key
    return (
        is_public
        and key.get("kty") == "RSA"
        and key.get("alg", "RS256") == "RS256"
        and isinstance(key.get("kid"), str)
    )
