"""A secret that is remembered, by us and by powertools' parameters."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from pydantic import SecretStr

from saigon.aws.secrets import AwsSecretVault
from saigon.model import BaseModelNoExtra
from tools.bench.registry import Counts, Pair, bench, require, same_result

_NAME: Final = "orders/database"
_VALUE: Final = json.dumps(
    {
        "engine": "postgres",
        "host": "orders.example",
        "port": 5432,
        "dbname": "orders",
        "username": "orders",
        "password": "correct horse battery staple",
    }
)
_THREADS: Final = 50
_AGE: Final = 300  # seconds, as ours by default
_PEER: Final = "powertools' parameters"


class Credentials(BaseModelNoExtra):
    """What the secret holds."""

    engine: str
    host: str
    port: int
    dbname: str
    username: str
    password: SecretStr


class _Client:
    """Secrets Manager with one secret, which takes a while to answer."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.calls = 0
        self._seconds = seconds
        self._lock = threading.Lock()

    def get_secret_value(self, **_arguments: Any) -> dict[str, Any]:
        with self._lock:
            self.calls += 1
        time.sleep(self._seconds)
        return {"Name": _NAME, "SecretString": _VALUE}


@bench("secrets-string", peer=_PEER, goal="at most 1.0")
@contextmanager
def string() -> Iterator[Pair]:
    """Compare a remembered text; ours comes in what no log shows."""
    vault, provider = _vault(_Client()), _provider(_Client())
    yield same_result(
        Pair(
            ours=lambda: vault.get_secret_string(_NAME).get_secret_value(),
            peer=lambda: provider.get(_NAME, max_age=_AGE),
        )
    )


@bench("secrets-model", peer=f"{_PEER} and model_validate_json", goal="at most 1.0")
@contextmanager
def model() -> Iterator[Pair]:
    """Compare a remembered text as a new model."""
    vault, provider = _vault(_Client()), _provider(_Client())
    yield same_result(
        Pair(
            ours=lambda: vault.get_secret(Credentials, _NAME),
            peer=lambda: Credentials.model_validate_json(provider.get(_NAME, max_age=_AGE)),
        )
    )


@bench("secrets-model-of-json", peer=f"{_PEER} as JSON and model_validate", goal="at most 1.0")
@contextmanager
def model_of_json() -> Iterator[Pair]:
    """Compare with a remembered dictionary, of which each read makes a model."""
    vault, provider = _vault(_Client()), _provider(_Client())
    yield same_result(
        Pair(
            ours=lambda: vault.get_secret(Credentials, _NAME),
            peer=lambda: Credentials.model_validate(
                provider.get(_NAME, max_age=_AGE, transform="json")
            ),
        )
    )


@bench("secrets-model-json", peer=f"{_PEER} as JSON, no model", goal="none: it checks nothing")
@contextmanager
def json_alone() -> Iterator[Pair]:
    """Compare with the remembered dictionary itself, which all callers share."""
    vault, provider = _vault(_Client()), _provider(_Client())
    yield Pair(
        ours=lambda: vault.get_secret(Credentials, _NAME),
        peer=lambda: provider.get(_NAME, max_age=_AGE, transform="json"),
    )


@bench("secrets-stampede", peer=_PEER, goal="one")
@contextmanager
def stampede() -> Iterator[Counts]:
    """Count the calls that many threads make which miss a secret at once."""
    require("aws_lambda_powertools")
    yield Counts(
        f"calls of {_THREADS} threads",
        ours=lambda: _calls(lambda client: _vault(client).get_secret_string),
        peer=lambda: _calls(lambda client: _provider(client).get),
    )


def _calls(reading: Callable[[_Client], Callable[[str], object]]) -> int:
    client = _Client(seconds=0.05)
    read = reading(client)
    together = threading.Barrier(_THREADS)

    def miss() -> None:
        together.wait()
        read(_NAME)

    with ThreadPoolExecutor(_THREADS) as threads:
        for done in [threads.submit(miss) for _ in range(_THREADS)]:
            done.result()
    return client.calls


def _vault(client: Any) -> AwsSecretVault:
    return AwsSecretVault(client)


def _provider(client: Any) -> Any:
    """Return powertools' provider."""
    require("aws_lambda_powertools")
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    return SecretsProvider(boto3_client=client)
