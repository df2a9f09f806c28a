"""An identity pool endpoint on this machine that tells users apart.

moto hands every identity the same keys and never looks at the token. This endpoint verifies the ID
token against the user pool's keys, gives each user an identity of their own and random temporary
credentials, and remembers whose they are.

See Also:
    https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetCredentialsForIdentity.html
"""

import base64
import json
import logging
import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock, Thread
from typing import Any, Final

from joserfc.jwk import KeySet
from pydantic import SecretStr
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from saigon.aws.testing._resources import IssuedCredentials
from saigon.aws.testing._tokens import TokenRefusedError, verify_id_token

_TARGET_PREFIX: Final = "AWSCognitoIdentityService."
_CONTENT_TYPE: Final = "application/x-amz-json-1.1"
_MAX_BODY_BYTES: Final = 1_000_000
_POLL_SECONDS: Final = 0.02  # how long the server's end waits; half a second by default


@dataclass(frozen=True, slots=True)
class TrustedPool:
    """The user pool and app client whose ID tokens an identity pool accepts."""

    user_pool_id: str
    client_id: str
    provider_name: str
    region: str
    keys: KeySet
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class _Identity:
    identity_id: str
    identity_pool_id: str
    user_sub: str


class _RefusedError(Exception):
    """A request is answered with an error of the service."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class CredentialIssuer:
    """Serves GetId and GetCredentialsForIdentity on 127.0.0.1, over cognito-identity's protocol."""

    def __init__(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._lock = Lock()
        self._pools: dict[str, TrustedPool] = {}
        self._identities: dict[str, _Identity] = {}
        self._issued: dict[str, IssuedCredentials] = {}
        self._server: BaseWSGIServer | None = None
        self._thread: Thread | None = None

    @property
    def endpoint_url(self) -> str:
        """The address to give as the identity pool's endpoint."""
        if self._server is None:
            raise RuntimeError("the credential issuer is not running: start it first")
        return f"http://127.0.0.1:{self._server.port}"

    def start(self) -> None:
        """Serve from a thread of its own."""
        _quiet_request_log()
        self._server = make_server("127.0.0.1", 0, self._respond, threaded=True)
        self._thread = Thread(
            target=self._server.serve_forever,
            args=(_POLL_SECONDS,),
            name="saigon-credential-issuer",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the socket; nothing happens where it does not run."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server = self._thread = None

    def trust(self, identity_pool_id: str, pool: TrustedPool) -> None:
        """Accept the ID tokens of a user pool's app client in the identity pool."""
        with self._lock:
            self._pools[identity_pool_id] = pool

    def find(self, access_key_id: str) -> IssuedCredentials | None:
        """Return the credentials with the key id, expired or not."""
        with self._lock:
            return self._issued.get(access_key_id)

    def get_id(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetId: one identity for one user of one identity pool, always the same."""
        identity_pool_id = str(request.get("IdentityPoolId"))
        user_sub = self._verified_sub(identity_pool_id, request)
        with self._lock:
            identity = self._identity_of(identity_pool_id, user_sub)
        return {"IdentityId": identity.identity_id}

    def get_credentials_for_identity(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetCredentialsForIdentity: new random keys for the identity's own user."""
        identity_id = str(request.get("IdentityId"))
        with self._lock:
            identity = self._identities.get(identity_id)
        if identity is None:
            raise _RefusedError("ResourceNotFoundException", "Identity not found.")
        user_sub = self._verified_sub(identity.identity_pool_id, request)
        if user_sub != identity.user_sub:
            raise _RefusedError(
                "NotAuthorizedException",
                "Logins don't match. Please include at least one valid"
                " login for this identity or identity pool.",
            )
        return _credentials_answer(self._issue(identity))

    def _verified_sub(self, identity_pool_id: str, request: Mapping[str, Any]) -> str:
        pool = self._pool(identity_pool_id)
        logins = request.get("Logins")
        if not isinstance(logins, Mapping) or not logins:
            raise _RefusedError(
                "NotAuthorizedException",
                "Unauthenticated access is not supported for this identity pool.",
            )
        if set(logins) != {pool.provider_name}:
            raise _RefusedError(
                "NotAuthorizedException",
                "Token is not from a supported provider of this identity pool.",
            )
        try:
            claims = verify_id_token(
                str(logins[pool.provider_name]),
                keys=pool.keys,
                issuer=f"https://{pool.provider_name}",
                audience=pool.client_id,
                now=self._clock(),
            )
        except TokenRefusedError as error:
            raise _RefusedError("NotAuthorizedException", str(error)) from error
        return str(claims["sub"])

    def _pool(self, identity_pool_id: str) -> TrustedPool:
        with self._lock:
            pool = self._pools.get(identity_pool_id)
        if pool is None:
            raise _RefusedError("ResourceNotFoundException", "IdentityPool not found.")
        return pool

    def _identity_of(self, identity_pool_id: str, user_sub: str) -> _Identity:
        for identity in self._identities.values():
            if (identity.identity_pool_id, identity.user_sub) == (identity_pool_id, user_sub):
                return identity
        region = self._pools[identity_pool_id].region
        identity = _Identity(f"{region}:{uuid.uuid4()}", identity_pool_id, user_sub)
        self._identities[identity.identity_id] = identity
        return identity

    def _issue(self, identity: _Identity) -> IssuedCredentials:
        pool = self._pool(identity.identity_pool_id)
        credentials = IssuedCredentials(
            # ASIA marks temporary keys; the rest is base32, as AWS's are.
            access_key_id="ASIA" + base64.b32encode(secrets.token_bytes(10)).decode(),
            secret_access_key=SecretStr(base64.b64encode(secrets.token_bytes(30)).decode()),
            session_token=SecretStr(base64.b64encode(secrets.token_bytes(120)).decode()),
            # Whole seconds, because that is what travels.
            expiration=(self._clock() + pool.lifetime).replace(microsecond=0),
            identity_id=identity.identity_id,
            user_sub=identity.user_sub,
            user_pool_id=pool.user_pool_id,
            region=pool.region,
            identity_pool_id=identity.identity_pool_id,
        )
        with self._lock:
            self._issued[credentials.access_key_id] = credentials
        return credentials

    def _respond(self, environ: Any, start_response: Any) -> Any:
        """Speak the JSON protocol: the operation in a header, one object each way."""
        request = Request(environ)
        request.max_content_length = _MAX_BODY_BYTES
        try:
            response = _json_response(200, self._dispatch(request))
        except _RefusedError as error:
            response = _json_response(400, {"__type": error.code, "message": str(error)})
        return response(environ, start_response)

    def _dispatch(self, request: Request) -> dict[str, Any]:
        operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "GetId": self.get_id,
            "GetCredentialsForIdentity": self.get_credentials_for_identity,
        }
        target = request.headers.get("X-Amz-Target", "").removeprefix(_TARGET_PREFIX)
        if target not in operations:
            raise _RefusedError(
                "UnknownOperationException", f"expected one of {', '.join(operations)}"
            )
        body = request.get_json(force=True, silent=True)
        if not isinstance(body, dict):
            raise _RefusedError("SerializationException", "expected a JSON object")
        return operations[target](body)


def _credentials_answer(credentials: IssuedCredentials) -> dict[str, Any]:
    return {
        "IdentityId": credentials.identity_id,
        "Credentials": {
            "AccessKeyId": credentials.access_key_id,
            "SecretKey": credentials.secret_access_key.get_secret_value(),
            "SessionToken": credentials.session_token.get_secret_value(),
            "Expiration": credentials.expiration.timestamp(),
        },
    }


def _json_response(status: int, body: Mapping[str, Any]) -> Response:
    return Response(
        json.dumps(body),
        status=status,
        content_type=_CONTENT_TYPE,
        headers={"x-amzn-RequestId": str(uuid.uuid4())},
    )


def _quiet_request_log() -> None:
    """Keep werkzeug from printing every request, unless somebody has set its level."""
    logger = logging.getLogger("werkzeug")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)
