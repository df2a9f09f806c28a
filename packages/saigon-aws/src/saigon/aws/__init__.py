"""Cognito, S3, Secrets Manager and SQS, used right."""

__version__ = "0.1.0"
