"""The root of the errors of ``saigon.aws``.

::

    SaigonAwsError
     +-- CognitoError      (saigon.aws.cognito.exceptions)
     +-- S3Error           (saigon.aws.s3.exceptions)
     +-- SecretError       (saigon.aws.secrets.exceptions)
     +-- RdsError          (saigon.aws.rds.exceptions)
     +-- ForwarderError    (saigon.aws.sqs.exceptions)

    ImportError
     +-- MissingExtraError
"""

from typing import ClassVar

from saigon.model import extras

__all__ = ["MissingExtraError", "SaigonAwsError"]


class SaigonAwsError(Exception):
    """The root of what ``saigon.aws`` raises of its own."""


class MissingExtraError(extras.MissingExtraError):
    """An optional dependency is not installed; the message names the extra that brings it."""

    distribution: ClassVar[str] = "saigon-aws"
