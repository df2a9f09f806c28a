"""What the policy of a pre-signed form asks of its fields and its file."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from saigon.rest.exceptions import PresignedUrlError

_OPERATORS: Final = frozenset({"eq", "starts-with"})
_LENGTH_RANGE: Final = "content-length-range"
_CONTENT_TYPE: Final = "content-type"
_NAME_KEPT: Final = 64
# The signature's own fields, of version 4 and of version 2.
_UNASKED: Final = frozenset({"awsaccesskeyid", "file", "policy", "signature", "x-amz-signature"})
_IGNORED: Final = "x-ignore-"


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy, read as S3 reads it.

    See Also:
        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
    """

    expiration: datetime
    conditions: Sequence[tuple[str, str, Any]]
    """Operator, name of the field in lower case, value."""

    @classmethod
    def parse(cls, value: str) -> "Policy":
        """Read the field ``policy``.

        Raises:
            PresignedUrlError: It is malformed.
        """
        document = _document(value)
        try:
            expiration = datetime.fromisoformat(document["expiration"])
            conditions = [*_conditions(document["conditions"])]
        except (KeyError, TypeError, ValueError, OverflowError):
            error = PresignedUrlError("the form's policy is malformed")
        else:
            aware = expiration if expiration.tzinfo else expiration.replace(tzinfo=UTC)
            return cls(aware, conditions)
        raise error

    def mentions(self, name: str) -> bool:
        """Tell whether there is a condition for a field, so that it may be given."""
        return any(name == named for _, named, _ in self.conditions)

    def check(self, fields: Mapping[str, str], size: int) -> None:
        """Refuse fields that do not meet the conditions.

        Args:
            fields: What is sent, by names in lower case, ``${filename}`` filled in.
            size: The bytes of the file.

        Raises:
            PresignedUrlError: S3 would answer that they do not.
        """
        self._refuse_unmentioned(fields)
        for operator, name, value in self.conditions:
            if operator == _LENGTH_RANGE:
                _check_size(value, size)
            elif name in fields or name != "bucket":  # which else the URL names
                _check_field(operator, name, str(value), fields.get(name))

    def _refuse_unmentioned(self, fields: Mapping[str, str]) -> None:
        extra = sorted(
            name[:_NAME_KEPT]
            for name in fields
            if name not in _UNASKED and not name.startswith(_IGNORED) and not self.mentions(name)
        )
        if extra:
            raise PresignedUrlError(f"the form's policy does not allow the fields {extra}")


def _document(value: str) -> Mapping[str, Any]:
    try:
        document = json.loads(base64.b64decode("".join(value.split()), validate=True))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise PresignedUrlError("the form's policy is malformed")
    return document


def _conditions(conditions: Any) -> Iterator[tuple[str, str, Any]]:
    for condition in conditions:
        if isinstance(condition, dict):
            yield from (("eq", name.lower(), value) for name, value in condition.items())
        else:
            yield _condition(condition)


def _condition(condition: Any) -> tuple[str, str, Any]:
    if not isinstance(condition, list):
        raise TypeError
    operator, name, value = condition
    if operator == _LENGTH_RANGE:
        return operator, "", (int(name), int(value))
    if not isinstance(name, str):
        raise TypeError
    return str(operator), name.removeprefix("$").lower(), value


def _check_size(allowed: tuple[int, int], size: int) -> None:
    least, most = allowed
    if not least <= size <= most:
        raise PresignedUrlError(
            f"the form's policy allows {least} to {most} bytes; the file has {size}"
        )


def _check_field(operator: str, name: str, wanted: str, given: str | None) -> None:
    shown = name[:_NAME_KEPT]
    if given is None:
        raise PresignedUrlError(f"the form's policy asks for the field {shown!r}")
    if operator in _OPERATORS and not _meets(operator, name, wanted, given):
        how = "another value" if operator == "eq" else "another beginning"
        raise PresignedUrlError(f"the form's policy asks for {how} of the field {shown!r}")


def _meets(operator: str, name: str, wanted: str, given: str) -> bool:
    if operator == "eq":
        return given == wanted
    # Types with commas between them are a list, each of which has to meet the condition.
    values = map(str.strip, given.split(",")) if name == _CONTENT_TYPE else [given]
    return all(value.startswith(wanted) for value in values)
