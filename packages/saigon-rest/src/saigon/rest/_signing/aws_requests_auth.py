"""The base of the signer, out of the extra ``[aws]``, with the types that it does not publish."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from saigon.rest.exceptions import MissingExtraError

if TYPE_CHECKING:
    from requests.auth import AuthBase as AWSRequestsAuth

    derive_key: Callable[[str, str, str, str], bytes]
else:
    try:
        from aws_requests_auth import aws_auth
    except ModuleNotFoundError as exc:
        raise MissingExtraError("aws", exc.name) from exc
    AWSRequestsAuth = aws_auth.AWSRequestsAuth
    derive_key = aws_auth.getSignatureKey

__all__ = ["AWSRequestsAuth", "derive_key"]
