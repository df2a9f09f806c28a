"""Secrets Manager: secrets as models, remembered, and in no error or log of ours.

boto3 is loaded when a client is made, not by importing this module.
"""

from saigon.aws.secrets._vault import AwsSecretVault, get_secret_as_model
from saigon.aws.secrets.exceptions import (
    SecretAccessDeniedError,
    SecretDecodeError,
    SecretError,
    SecretNotFoundError,
    SecretUnavailableError,
)

__all__ = [
    "AwsSecretVault",
    "SecretAccessDeniedError",
    "SecretDecodeError",
    "SecretError",
    "SecretNotFoundError",
    "SecretUnavailableError",
    "get_secret_as_model",
]
