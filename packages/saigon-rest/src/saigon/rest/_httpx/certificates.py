"""Whose certificates are trusted: what the other client trusts, and what httpx knows beside."""

import os
import ssl
from functools import lru_cache
from pathlib import Path

import httpx


def tls_context() -> ssl.SSLContext:
    """Return what checks certificates, made once for all clients: reading them takes long."""
    return _context(
        os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"),
        os.environ.get("SSL_CERT_FILE"),
        os.environ.get("SSL_CERT_DIR"),
    )


@lru_cache(maxsize=4)
def _context(bundle: str | None, *_known_to_httpx: str | None) -> ssl.SSLContext:
    if not bundle:
        return httpx.create_ssl_context()
    if Path(bundle).is_dir():
        return ssl.create_default_context(capath=bundle)
    return ssl.create_default_context(cafile=bundle)
