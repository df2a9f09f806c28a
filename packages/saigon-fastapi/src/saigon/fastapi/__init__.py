"""Logging, request context, problem documents and identity for FastAPI services on AWS."""

__version__ = "0.1.0"
