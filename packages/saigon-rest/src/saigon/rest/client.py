"""Clients of REST resources, and what their calls take and give.

``RestClientBase`` needs nothing but ``requests``; ``AuthRestClient`` needs the extra ``[aws]``,
``AsyncRestClient`` the extra ``[async]`` and ``AsyncAuthRestClient`` both, which are loaded when
one is made.
"""

from saigon.rest._calls.answers import Answer, RestResponse
from saigon.rest._calls.bodies import Progress
from saigon.rest._calls.call import Hook, RestEvent, Timeout
from saigon.rest._calls.options import CallOptions
from saigon.rest._calls.queries import QueryParams
from saigon.rest._calls.retry import RetryPolicy
from saigon.rest._calls.urls import PathParams
from saigon.rest._credentials import TemporaryCredentials
from saigon.rest._httpx.auth_client import AsyncAuthRestClient
from saigon.rest._httpx.client import AsyncRestClient
from saigon.rest._httpx.streams import AsyncRestStream
from saigon.rest._requests.client import RestClientBase
from saigon.rest._requests.streams import RestStream
from saigon.rest._uploads.results import Upload
from saigon.rest._users.client import AuthRestClient
from saigon.rest._users.identity import CognitoLogin, LoginTokens, UserIdentity

__all__ = [
    "Answer",
    "AsyncAuthRestClient",
    "AsyncRestClient",
    "AsyncRestStream",
    "AuthRestClient",
    "CallOptions",
    "CognitoLogin",
    "Hook",
    "LoginTokens",
    "PathParams",
    "Progress",
    "QueryParams",
    "RestClientBase",
    "RestEvent",
    "RestResponse",
    "RestStream",
    "RetryPolicy",
    "TemporaryCredentials",
    "Timeout",
    "Upload",
    "UserIdentity",
]
