"""Users of Cognito user pools, and temporary AWS credentials for them.

Importing this loads neither boto3 nor PyJWT, requests or pycognito: what a call needs is loaded by
the call.
"""

from saigon.aws.cognito.client import CognitoClient, OnTokensRefreshed
from saigon.aws.cognito.config import AuthFlow, CognitoClientConfig, CognitoIdpConfig
from saigon.aws.cognito.exceptions import CognitoError
from saigon.aws.cognito.idp import CognitoIdp
from saigon.aws.cognito.models import (
    AccessTokenClaims,
    AccessTokenLike,
    AuthChallenge,
    AuthTokens,
    CodeDelivery,
    CognitoGroup,
    CognitoUser,
    DeviceCredentials,
    IamCredentials,
    IdTokenClaims,
    IdTokenLike,
    MfaMethod,
    SignUpResult,
    SoftwareToken,
    UserPage,
)

__all__ = [
    "AccessTokenClaims",
    "AccessTokenLike",
    "AuthChallenge",
    "AuthFlow",
    "AuthTokens",
    "CodeDelivery",
    "CognitoClient",
    "CognitoClientConfig",
    "CognitoError",
    "CognitoGroup",
    "CognitoIdp",
    "CognitoIdpConfig",
    "CognitoUser",
    "DeviceCredentials",
    "IamCredentials",
    "IdTokenClaims",
    "IdTokenLike",
    "MfaMethod",
    "OnTokensRefreshed",
    "SignUpResult",
    "SoftwareToken",
    "UserPage",
]
