"""A store of secrets that remembers."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, SecretBytes, SecretStr

from saigon.aws._clients import shared_client
from saigon.aws.secrets._cache import CacheClock, SecretCache
from saigon.aws.secrets._fetch import PREVIOUS, SecretKey, fetch, fetch_many
from saigon.aws.secrets._refusals import is_auth_failure
from saigon.aws.secrets._rotation import RotationRetry
from saigon.aws.secrets._value import SecretValue

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

__all__ = ["AwsSecretVault", "get_secret_as_model"]

ModelT = TypeVar("ModelT", bound=BaseModel)
ResultT = TypeVar("ResultT")

_DEFAULT_TTL = timedelta(minutes=5)
_NO_GRACE = timedelta(0)
_MAX_JITTER = 0.9


def get_secret_as_model(
    model_type: type[ModelT],
    secret_name: str,
    secrets_client: "SecretsManagerClient | None" = None,
    *,
    version_stage: str | None = None,
    version_id: str | None = None,
) -> ModelT:
    """Return a secret's JSON, text or binary, as a model; nothing is remembered.

    See https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html

    Args:
        model_type: What the value must be; its secret fields are SecretStr.
        secret_name: The secret's name or ARN.
        secrets_client: A Secrets Manager client; where absent one of a default session, which is
            made once for the process.
        version_stage: Such as ``AWSPREVIOUS``; ``AWSCURRENT`` where no version is named.
        version_id: The version.

    Raises:
        ValueError: A name is empty; no request was made.
        SecretNotFoundError: There is no such secret, version or stage.
        SecretAccessDeniedError: The secret or its key may not be used.
        SecretDecodeError: The value is not JSON, or not the model's.
        SecretUnavailableError: Secrets Manager did not answer, or told to ask later.
        SecretError: Anything else went wrong.
    """
    key = SecretKey.of(secret_name, version_stage=version_stage, version_id=version_id)
    return fetch(_source_of(secrets_client), key).as_model(model_type)


class AwsSecretVault:
    """A store of secrets over Secrets Manager, for all threads of a process.

    It is a ``SecretVault`` (saigon.model.interface), which saigon-orm's configuration takes. Each
    value is remembered by name, stage and version; however many threads miss it at once, one call
    is made. Models are made anew at each read, so no caller sees another's changes. The errors
    are those of get_secret_as_model.

    Args:
        secrets_client: A Secrets Manager client; where absent one of a default session, which is
            made once for the process, at the first miss.
        ttl: How long a value is remembered; zero remembers nothing.
        jitter: The share of the time to live, 0 to 0.9, that is cut off at random, so that many
            processes do not ask at the same moment.
        max_entries: The most values remembered.
        stale_if_error: For how long after its time a value may stand in while Secrets Manager is
            unavailable, which is then asked every 5 seconds; off by default, because a value that
            was withdrawn then still serves.
        clock: The monotonic time in seconds.
        sleep: Waits for so many seconds, in with_rotation_retry alone.
    """

    def __init__(
        self,
        secrets_client: "SecretsManagerClient | None" = None,
        *,
        ttl: timedelta = _DEFAULT_TTL,
        jitter: float = 0.1,
        max_entries: int = 1000,
        stale_if_error: timedelta = _NO_GRACE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        _check_options(ttl, jitter, max_entries, stale_if_error)
        seconds = ttl.total_seconds()

        def lifetime() -> float:
            return seconds * (1 - jitter * random.random())  # noqa: S311  # spreads load, guards nothing

        self._client = _source_of(secrets_client)
        self._clock = clock
        self._sleep = sleep
        self._cache = SecretCache(
            CacheClock(clock, lifetime, stale_if_error.total_seconds()), max_entries=max_entries
        )

    def get_secret(
        self,
        model_type: type[ModelT],
        secret_name: str,
        *,
        version_stage: str | None = None,
        version_id: str | None = None,
    ) -> ModelT:
        """Return a secret's JSON, text or binary, as a model.

        Args:
            model_type: What the value must be.
            secret_name: The secret's name or ARN.
            version_stage: Such as ``AWSPREVIOUS``; ``AWSCURRENT`` where no version is named.
            version_id: The version.

        Raises:
            SecretError: As in get_secret_as_model.
        """
        key = SecretKey.of(secret_name, version_stage=version_stage, version_id=version_id)
        return self._value(key).as_model(model_type)

    def get_secret_string(
        self,
        secret_name: str,
        *,
        version_stage: str | None = None,
        version_id: str | None = None,
    ) -> SecretStr:
        """Return a secret as text; a binary one must be UTF-8.

        Args:
            secret_name: The secret's name or ARN.
            version_stage: As in get_secret.
            version_id: As in get_secret.

        Raises:
            SecretError: As in get_secret_as_model.
        """
        key = SecretKey.of(secret_name, version_stage=version_stage, version_id=version_id)
        return self._value(key).as_string()

    def get_secret_bytes(
        self,
        secret_name: str,
        *,
        version_stage: str | None = None,
        version_id: str | None = None,
    ) -> SecretBytes:
        """Return a secret as bytes; text is encoded as UTF-8.

        Args:
            secret_name: The secret's name or ARN.
            version_stage: As in get_secret.
            version_id: As in get_secret.

        Raises:
            SecretError: As in get_secret_as_model.
        """
        key = SecretKey.of(secret_name, version_stage=version_stage, version_id=version_id)
        return self._value(key).as_bytes()

    def get_secrets(
        self, model_type: type[ModelT], secret_names: Iterable[str]
    ) -> dict[str, ModelT]:
        """Return the current values of several secrets as models, by the names given.

        Those that are not remembered are asked for 20 per call; threads that miss the same ones
        share the calls.
        See https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html

        Args:
            model_type: What each value must be.
            secret_names: Their names or ARNs.

        Raises:
            ValueError: A name is empty, or one text was given instead of several.
            SecretNotFoundError: Some are not there; its ``secret_names`` are all of those.
            SecretError: As in get_secret_as_model.
        """
        if isinstance(secret_names, str):
            raise ValueError("expected several names, not one text")  # noqa: TRY004  # every wrong argument is a ValueError
        keys = {name: SecretKey.of(name) for name in secret_names}
        values = self._cache.get_many(list(keys.values()), self._fetch_many)
        return {name: values[key].as_model(model_type) for name, key in keys.items()}

    def refresh(
        self,
        secret_name: str,
        *,
        version_stage: str | None = None,
        version_id: str | None = None,
    ) -> None:
        """Ask for a secret again now, whatever is remembered.

        Threads that do so at the same time share a call, but never one that began before theirs.

        Args:
            secret_name: The secret's name or ARN.
            version_stage: As in get_secret.
            version_id: As in get_secret.

        Raises:
            SecretError: As in get_secret_as_model; what was remembered then stays.
        """
        key = SecretKey.of(secret_name, version_stage=version_stage, version_id=version_id)
        self._reloaded(key)

    def invalidate(self, secret_name: str | None = None) -> None:
        """Forget what is remembered of a secret in all its versions, or of all secrets.

        Args:
            secret_name: The secret, by the name that it was asked for; all where absent.
        """
        self._cache.drop(lambda key: secret_name is None or key.name == secret_name)

    def with_rotation_retry(
        self,
        secret_name: str,
        model_type: type[ModelT],
        use: Callable[[ModelT], ResultT],
        *,
        try_previous: bool = False,
        is_refusal: Callable[[Exception], bool] = is_auth_failure,
    ) -> ResultT:
        """Call a function with a secret, again with a newer value where that one is refused.

        The remembered value comes first. Where it is refused, the secret is asked for again, and
        a value that differs is tried at once. After that there are pauses, jittered and growing
        from half a second, up to 30 seconds in all: for some moments of a rotation the current
        value is no longer accepted, and the new one not yet current. A value that was refused is
        not offered again before a pause. An error of any other kind passes at once.

        Args:
            secret_name: The secret's name or ARN.
            model_type: What the value must be.
            use: Uses it, by a login for instance; it may be called several times.
            try_previous: Whether AWSPREVIOUS is tried too. It is for rotations that alternate
                two users, where the previous one stays in force, and the new one may not have
                reached every server yet; where there is one user, it only adds a failed login.
            is_refusal: Tells the errors of ``use`` that mean a refused login. By default those are
                saigon.orm's of kind ``auth``, those of PostgreSQL's and MySQL's drivers, also
                inside of SQLAlchemy's, and those of requests and httpx with a status of 401.

        Returns:
            What ``use`` returned.

        Raises:
            Exception: The last refusal, or what else ``use`` raised.
            SecretError: As in get_secret_as_model.
        """
        key = SecretKey.of(secret_name)
        before = SecretKey.of(secret_name, version_stage=PREVIOUS)
        retry = RotationRetry(
            model_of=lambda value: value.as_model(model_type),
            use=use,
            is_refusal=is_refusal,
            current=lambda: self._value(key),
            newer_than=lambda value: self._newer_than(key, value),
            previous=(lambda: self._reloaded(before)) if try_previous else None,
            clock=self._clock,
            sleep=self._sleep,
        )
        return retry.run()

    def _newer_than(self, key: SecretKey, value: SecretValue) -> SecretValue:
        """Return what another thread has asked for meanwhile, or ask."""
        known = self._cache.fresh(key)
        return self._reloaded(key) if known is None or known == value else known

    def _reloaded(self, key: SecretKey) -> SecretValue:
        return self._cache.reload(key, self._fetch)

    def _value(self, key: SecretKey) -> SecretValue:
        return self._cache.get(key, self._fetch)

    def _fetch(self, keys: Sequence[SecretKey]) -> dict[SecretKey, SecretValue]:
        return {key: fetch(self._client, key) for key in keys}

    def _fetch_many(self, keys: Sequence[SecretKey]) -> dict[SecretKey, SecretValue]:
        found = fetch_many(self._client, [key.name for key in keys])
        return {key: found[key.name] for key in keys}


def _source_of(client: "SecretsManagerClient | None") -> Callable[[], Any]:
    """Return what gives the client; where there is none, it is made by the first call."""
    return (lambda: shared_client("secretsmanager")) if client is None else lambda: client


def _check_options(
    ttl: timedelta, jitter: float, max_entries: int, stale_if_error: timedelta
) -> None:
    if ttl < timedelta(0) or stale_if_error < timedelta(0):
        raise ValueError("expected times of zero or more")
    if not 0 <= jitter <= _MAX_JITTER:
        raise ValueError(f"expected a jitter of 0 to {_MAX_JITTER}")
    if max_entries < 1:
        raise ValueError("expected max_entries of 1 or more")
