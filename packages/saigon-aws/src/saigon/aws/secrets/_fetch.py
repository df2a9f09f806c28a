"""Secrets asked of Secrets Manager."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from saigon.aws.secrets._errors import BATCH, GET, answer_of, error_of_code
from saigon.aws.secrets._value import SecretValue
from saigon.aws.secrets.exceptions import SecretNotFoundError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

__all__ = ["CURRENT", "PREVIOUS", "SecretKey", "fetch", "fetch_many"]

CURRENT = "AWSCURRENT"
PREVIOUS = "AWSPREVIOUS"
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
_MOST_PER_CALL = 20


class SecretKey(NamedTuple):
    """Which version of which secret: by stage, by id, or by both where they must agree."""

    name: str
    stage: str | None
    version: str | None

    @classmethod
    def of(
        cls, name: str, *, version_stage: str | None = None, version_id: str | None = None
    ) -> "SecretKey":
        """Return the key of a question; without stage and version it is the current one.

        Raises:
            ValueError: A name is empty.
        """
        if "" in {name, version_stage, version_id} or not isinstance(name, str):
            raise ValueError("expected the name or ARN of a secret, and no empty stage or version")
        stage = CURRENT if version_stage is None and version_id is None else version_stage
        return cls(name, stage, version_id)


def fetch(client: "SecretsManagerClient", key: SecretKey) -> SecretValue:
    """Return the value of a secret, in one call."""
    arguments = {"SecretId": key.name, "VersionStage": key.stage, "VersionId": key.version}
    given: dict[str, Any] = {name: value for name, value in arguments.items() if value is not None}
    response = answer_of((key.name,), GET, client.get_secret_value, **given)
    return SecretValue.of_response(key.name, response)


def fetch_many(client: "SecretsManagerClient", names: Sequence[str]) -> dict[str, SecretValue]:
    """Return the current values of secrets, 20 per call.

    Raises:
        SecretNotFoundError: Some are not there; it names them all.
        SecretError: As its other children say, for the first one that failed otherwise.
    """
    found: dict[str, SecretValue] = {}
    failed: dict[str, list[tuple[str, str]]] = {}
    for start in range(0, len(names), _MOST_PER_CALL):
        batch = names[start : start + _MOST_PER_CALL]
        for page in _pages(client, batch):
            found |= _values(page, batch)
            for error in page.get("Errors", ()):
                reason = (error.get("ErrorCode", ""), error.get("Message", ""))
                failed.setdefault(error.get("SecretId", ""), []).append(reason)
    _raise_failures({name: reasons[0] for name, reasons in failed.items()})
    missing = [name for name in names if name not in found]
    if missing:
        raise error_of_code("ResourceNotFoundException", "", missing)
    return found


def _pages(client: "SecretsManagerClient", names: Sequence[str]) -> Iterator[Any]:
    arguments: dict[str, Any] = {"SecretIdList": list(names)}
    while True:
        page = answer_of(names, BATCH, client.batch_get_secret_value, **arguments)
        yield page
        token = page.get("NextToken")
        if not token:
            return
        arguments["NextToken"] = token


def _values(page: Any, names: Sequence[str]) -> dict[str, SecretValue]:
    """Return the values by the names that were asked for, which may be ARNs, whole or in part."""
    values = {}
    for item in page.get("SecretValues", ()):
        for name in names:
            # The random suffix, a hyphen and six characters, may be left out of an ARN.
            if name in {item["Name"], item["ARN"], item["ARN"][:-7]}:
                values[name] = SecretValue.of_response(name, item)
    return values


def _raise_failures(failed: dict[str, tuple[str, str]]) -> None:
    errors = [error_of_code(*reason, (name,)) for name, reason in failed.items()]
    missing = [e.secret_names[0] for e in errors if isinstance(e, SecretNotFoundError)]
    others = [e for e in errors if not isinstance(e, SecretNotFoundError)]
    if missing:
        raise error_of_code("ResourceNotFoundException", "", missing)
    if others:
        raise others[0]
