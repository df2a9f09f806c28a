"""What is used of ``saigon.aws.cognito``, out of the extra ``[aws]``."""

from saigon.rest.exceptions import MissingExtraError

try:
    from saigon.aws.cognito import AuthChallenge, CognitoClient, CognitoClientConfig
    from saigon.aws.cognito.exceptions import (
        ChallengeRequiredError,
        CognitoError,
        RefreshTokenError,
        TokenExpiredError,
    )
except ModuleNotFoundError as exc:
    raise MissingExtraError("aws", exc.name) from exc

__all__ = [
    "AuthChallenge",
    "ChallengeRequiredError",
    "CognitoClient",
    "CognitoClientConfig",
    "CognitoError",
    "RefreshTokenError",
    "TokenExpiredError",
]
