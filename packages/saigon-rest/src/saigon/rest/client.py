"""Clients of REST resources, and what their calls take and give.

``RestClientBase`` needs nothing but ``requests``; ``AuthRestClient`` needs the extra ``[aws]``,
which is loaded when one is made.
"""

from saigon.rest._auth_client import AuthRestClient
from saigon.rest._client import CallOptions, RestClientBase
from saigon.rest._credentials import TemporaryCredentials
from saigon.rest._downloads import RestStream
from saigon.rest._responses import RestResponse
from saigon.rest._retry import RetryPolicy
from saigon.rest._transport import RestEvent
from saigon.rest._uploads import Upload
from saigon.rest._users import CognitoLogin, LoginTokens, UserIdentity

__all__ = [
    "AuthRestClient",
    "CallOptions",
    "CognitoLogin",
    "LoginTokens",
    "RestClientBase",
    "RestEvent",
    "RestResponse",
    "RestStream",
    "RetryPolicy",
    "TemporaryCredentials",
    "Upload",
    "UserIdentity",
]
