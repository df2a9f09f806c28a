"""Clients of REST resources, and what their calls take and give.

``RestClientBase`` needs nothing but ``requests``; ``AuthRestClient`` needs the extra ``[aws]``,
which is loaded when one is made.
"""

from saigon.rest._calls.answers import Answer, RestResponse
from saigon.rest._calls.call import RestEvent
from saigon.rest._calls.options import CallOptions
from saigon.rest._calls.retry import RetryPolicy
from saigon.rest._credentials import TemporaryCredentials
from saigon.rest._requests.client import RestClientBase
from saigon.rest._requests.streams import RestStream
from saigon.rest._uploads.files import Upload
from saigon.rest._users.client import AuthRestClient
from saigon.rest._users.registry import CognitoLogin, LoginTokens, UserIdentity

__all__ = [
    "Answer",
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
