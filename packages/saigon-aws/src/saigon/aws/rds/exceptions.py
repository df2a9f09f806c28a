"""The errors of ``saigon.aws.rds``.

::

    SaigonAwsError
     +-- RdsError

What a secret or its vault is at fault for is a ``SecretError``. A wrong argument is a
``ValueError``.
"""

from saigon.aws.exceptions import SaigonAwsError

__all__ = ["RdsError"]


class RdsError(SaigonAwsError):
    """No token could be signed: there are no AWS credentials, or they could not be renewed."""
