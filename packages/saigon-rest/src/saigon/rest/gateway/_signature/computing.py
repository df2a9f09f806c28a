"""Compute what a signature should have been."""

import hashlib

from pydantic import SecretStr

from saigon.rest import _canonical
from saigon.rest.gateway._signature.claim import Claim
from saigon.rest.gateway._signature.received import ReceivedRequest


def sha256(data: bytes) -> str:
    """Hash bytes; hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def canonical_request(
    request: ReceivedRequest,
    claim: Claim,
    *,
    path: str | None = None,
    query: str | None = None,
    payload_hash: str | None = None,
) -> str:
    """Put into its canonical form what arrived of what is signed.

    Args:
        request: What arrived.
        claim: Its signature.
        path: Another canonical path.
        query: Another canonical query.
        payload_hash: Another hash of the body.
    """
    if path is None:
        path = _canonical.canonical_path(request.path, claim.credential.service)
    return _canonical.canonical_request(
        request.method,
        path,
        _canonical.canonical_query(claim.query) if query is None else query,
        [(name, request.header(name) or "") for name in claim.signed_headers],
        sha256(request.body) if payload_hash is None else payload_hash,
    )


def scope_of(claim: Claim) -> str:
    """Name what the key of a signature is good for."""
    credential = claim.credential
    return _canonical.credential_scope(claim.timestamp, credential.region, credential.service)


def signature(canonical: str, claim: Claim, secret: SecretStr) -> str:
    """Sign a canonical request."""
    credential = claim.credential
    key = _canonical.signing_key(
        secret.get_secret_value(), credential.date, credential.region, credential.service
    )
    return _canonical.signature(key, claim.timestamp, scope_of(claim), canonical)
