"""The proof that a caller knows the app client's secret."""

import base64
import hashlib
import hmac

from pydantic import SecretStr


def secret_hash(username: str, client_id: str, client_secret: SecretStr) -> str:
    """Return ``Base64(HMAC-SHA256(secret, username + client id))``.

    See Also:
        https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html#cognito-user-pools-computing-secret-hash
    """
    key = client_secret.get_secret_value().encode()
    return base64.b64encode(
        hmac.digest(key, (username + client_id).encode(), hashlib.sha256)
    ).decode()
