"""Logins for databases on RDS: out of a secret, or signed by IAM.

boto3 is loaded when a token has to be signed, not by importing this module.
"""

from saigon.aws.rds._iam import RdsIamCredentials
from saigon.aws.rds._secret import SecretCredentials
from saigon.aws.rds.exceptions import RdsError

__all__ = ["RdsError", "RdsIamCredentials", "SecretCredentials"]
