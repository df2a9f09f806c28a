"""A REST client that signs every request, and a local API Gateway to test it against."""

__version__ = "0.1.0"
