"""The root of the errors of ``saigon.aws``.

::

    SaigonAwsError
     +-- CognitoError      (saigon.aws.cognito.exceptions)
     +-- S3Error           (saigon.aws.s3.exceptions)
     +-- SecretError       (saigon.aws.secrets.exceptions)
     +-- ForwarderError    (saigon.aws.sqs.exceptions)

    ImportError
     +-- MissingExtraError
"""

from typing import Any

__all__ = ["MissingExtraError", "SaigonAwsError"]


class SaigonAwsError(Exception):
    """The root of what ``saigon.aws`` raises of its own."""


class MissingExtraError(ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""

    def __init__(self, extra: str, missing: str | None) -> None:
        super().__init__(
            f"{missing or 'a dependency'} is not installed; "
            f"expected the extra: pip install 'saigon-aws[{extra}]'",
            name=missing,
        )
        self.extra = extra

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.extra, self.name)
