"""Payloads that are too large for SQS, and lie in S3."""
