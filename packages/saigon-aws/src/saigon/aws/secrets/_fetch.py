"""Secrets asked of Secrets Manager."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from saigon.aws.secrets._errors import BATCH, GET, answer_of, error_of_code, unreadable_answer
from saigon.aws.secrets._value import SecretValue
from saigon.aws.secrets.exceptions import SecretError, SecretNotFoundError

__all__ = ["CURRENT", "PREVIOUS", "SecretKey", "fetch", "fetch_many"]

CURRENT = "AWSCURRENT"
PREVIOUS = "AWSPREVIOUS"
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
_MOST_PER_CALL = 20
_SUFFIX = 7  # of an ARN: a hyphen and six random characters


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
        given: list[object] = [e for e in (version_stage, version_id) if e is not None]
        if not all(isinstance(each, str) and each for each in (name, *given)):
            raise ValueError("expected the name or ARN of a secret, and no empty stage or version")
        stage = CURRENT if version_stage is None and version_id is None else version_stage
        return cls(name, stage, version_id)


def fetch(client: Callable[[], Any], key: SecretKey) -> SecretValue:
    """Return the value of a secret, in one call.

    Args:
        client: Gives the client.
        key: Which secret.
    """
    arguments = {"SecretId": key.name, "VersionStage": key.stage, "VersionId": key.version}
    given = {name: value for name, value in arguments.items() if value is not None}
    response = answer_of((key.name,), GET, lambda: client().get_secret_value, **given)
    return SecretValue.of_response(key.name, response)


def fetch_many(client: Callable[[], Any], names: Sequence[str]) -> dict[str, SecretValue]:
    """Return the current values of secrets, 20 per call.

    Args:
        client: Gives the client.
        names: Their names or ARNs, each once.

    Raises:
        SecretNotFoundError: Some are not there; it names them all.
        SecretError: As its other children say, for the first one that failed otherwise.
    """
    found: dict[str, SecretValue] = {}
    failed: dict[str, SecretError] = {}
    for start in range(0, len(names), _MOST_PER_CALL):
        batch = names[start : start + _MOST_PER_CALL]
        items: list[Mapping[str, Any]] = []
        for page in _pages(client, batch):
            items += _items(page, "SecretValues", batch)
            failed |= _failures(page, batch)
        found |= _values(items, batch)
    missing = [
        name
        for name in names
        if name not in found and isinstance(failed.get(name), SecretNotFoundError | None)
    ]
    if missing:
        raise error_of_code("ResourceNotFoundException", "", missing)
    for name, error in failed.items():
        if name not in found:
            raise error
    return found


def _pages(client: Callable[[], Any], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    arguments: dict[str, Any] = {"SecretIdList": list(names)}
    while True:
        page = answer_of(names, BATCH, lambda: client().batch_get_secret_value, **arguments)
        yield page
        token = page.get("NextToken")
        if not token:
            return
        if token == arguments.get("NextToken"):
            raise unreadable_answer(names)
        arguments["NextToken"] = token


def _values(items: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, SecretValue]:
    """Return the values by the names that were asked for."""
    found = ((name, _item_of(name, items, names)) for name in names)
    return {name: SecretValue.of_response(name, item) for name, item in found if item is not None}


def _item_of(
    name: str, items: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> Mapping[str, Any] | None:
    """Return what was asked for by an ARN, a name, or an ARN without its random suffix.

    Secrets of two accounts may have one name, and one's name may look like the end of another's
    ARN: what fits best comes first.
    """
    fits: tuple[Callable[[Mapping[str, Any]], bool], ...] = (
        lambda item: item.get("ARN") == name,
        lambda item: item.get("Name") == name and item.get("ARN") not in names,
        lambda item: item.get("Name") == name,
        lambda item: str(item.get("ARN"))[:-_SUFFIX] == name,
    )
    return next((item for fit in fits for item in items if fit(item)), None)


def _failures(page: dict[str, Any], names: Sequence[str]) -> dict[str, SecretError]:
    failed: dict[str, SecretError] = {}
    for error in _items(page, "Errors", names):
        name = error.get("SecretId")
        about = [name] if isinstance(name, str) and name else list(names)
        code, message = str(error.get("ErrorCode", "")), str(error.get("Message", ""))
        failed |= {each: error_of_code(code, message, (each,)) for each in about}
    return failed


def _items(page: dict[str, Any], name: str, names: Sequence[str]) -> list[Mapping[str, Any]]:
    items = page.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise unreadable_answer(names)
    return items
