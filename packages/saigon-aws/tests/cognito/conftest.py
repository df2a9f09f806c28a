"""Fakes for what moto does not do: a scripted service, a key endpoint, tokens of a key of ours."""

import base64
import contextlib
import json
import logging
import re
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jwt
import pytest
from boto3.session import Session
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from pydantic import SecretStr

from saigon.aws.cognito import (
    AuthTokens,
    CognitoClient,
    CognitoClientConfig,
    CognitoIdp,
    CognitoIdpConfig,
)
from saigon.aws.cognito.exceptions import ChallengeRequiredError, CognitoError
from saigon.aws.logging import install_log_redaction
from saigon.aws.testing import LocalAws, LocalIdentityPool, LocalUserPool

POOL_ID = "eu-west-1_AbCdEfGhI"
CLIENT_ID = "1example23456789"
ISSUER = f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL_ID}"


class Loopback:
    """A server that answers from a script and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answers: list[tuple[int, Any] | None] = []
        self.default: tuple[int, Any] | None = (500, {"__type": "InternalErrorException"})
        self.headers: dict[str, str] = {}
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
                loopback.requests.append(
                    {"operation": target, "path": self.path, **json.loads(body or b"{}")}
                )
                answer = loopback.answers.pop(0) if loopback.answers else loopback.default
                if answer is None:
                    return  # the connection closes without a word
                status, content = answer
                payload = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response_only(status)
                for name, value in loopback.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_POST = respond  # noqa: N815  # http.server's names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # likewise
                """Keep silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.002,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Signer:
    """Makes tokens of a pool, right in all but what a test asks for."""

    def __init__(self, kid: str = "key-1") -> None:
        self.kid = kid
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def jwk(self) -> dict[str, Any]:
        made: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(
            self.key.public_key(), as_dict=True
        )
        return {**made, "kid": self.kid, "alg": "RS256", "use": "sig"}

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [self.jwk]}

    def token(
        self,
        use: str = "id",
        *,
        without: tuple[str, ...] = (),
        header: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        now = int(datetime.now(UTC).timestamp())
        own = (
            {"aud": CLIENT_ID, "cognito:username": "ada"}
            if use == "id"
            else {"client_id": CLIENT_ID, "username": "ada", "scope": "orders/read orders/write"}
        )
        payload = {
            "iss": ISSUER,
            "sub": "5f1c0000-0000-4000-8000-000000000000",
            "token_use": use,
            "iat": now,
            "auth_time": now,
            "exp": now + 3600,
            **own,
            **claims,
        }
        for name in without:
            del payload[name]
        return jwt.encode(
            payload, self.key, algorithm="RS256", headers={"kid": self.kid, **(header or {})}
        )

    def tokens(self, **claims: Any) -> AuthTokens:
        """Return tokens with these claims in both the ID and the access token."""
        expires_at = claims.get("exp", datetime.now(UTC).timestamp() + 3600)
        return AuthTokens(
            id_token=SecretStr(self.token(**claims)),
            access_token=SecretStr(self.token("access", **claims)),
            refresh_token=SecretStr("refresh-1"),
            expires_at=datetime.fromtimestamp(expires_at, tz=UTC),
            username="ada",
            sub="5f1c",
        )

    def result(self, **more: Any) -> dict[str, Any]:
        """Return an AuthenticationResult."""
        return {
            "AuthenticationResult": {
                "IdToken": self.token(),
                "AccessToken": self.token("access"),
                "RefreshToken": "refresh-1",
                "ExpiresIn": 3600,
                "TokenType": "Bearer",
                **more,
            }
        }


class Witness:
    """Collects every secret, and every text that came out."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.texts: list[str] = []

    def saw(self, value: Any) -> None:
        """Look at a model as somebody does who logs or stores it."""
        self.texts += [repr(value), str(value), f"{value.model_dump()}", value.model_dump_json()]
        self.texts += [f"{value.model_dump(mode='json')}", repr(vars(value))]
        for name in type(value).model_fields:
            field = getattr(value, name)
            if isinstance(field, SecretStr):
                self.secrets.add(field.get_secret_value())

    def failed(self, error: BaseException) -> None:
        """Look at an error and all that it drags along."""
        seen: BaseException | None = error
        while seen is not None:
            self.texts += [repr(seen), str(seen), f"{seen.args}{vars(seen)}"]
            seen = seen.__cause__ or seen.__context__
        self.texts.append("".join(traceback.format_exception(error, chain=True)))
        if isinstance(error, ChallengeRequiredError):
            self.saw(error.challenge)

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        with pytest.raises(CognitoError) as caught:
            yield
        self.failed(caught.value)

    def check(self, logged: str) -> None:
        everything = logged + "".join(self.texts)
        told = [secret[:12] for secret in self.secrets if _holds(everything, secret)]
        assert not told


def _holds(text: str, secret: str) -> bool:
    if secret.isdigit():  # a short number also stands inside of longer ones
        return re.search(rf"(?<!\d){secret}(?!\d)", text) is not None
    return secret in text


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def redaction() -> Iterator[None]:
    """Install the redaction of logs, and take it out again."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    before = {logger.name: list(logger.filters) for logger in loggers}
    install_log_redaction()
    yield
    for logger in loggers:
        logger.filters[:] = before[logger.name]


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer()


@pytest.fixture
def make_signer() -> Callable[[str], Signer]:
    return Signer


class Authenticator:
    """An authenticator app that has read a QR code."""

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
        told = parse_qs(parts.query, strict_parsing=True)
        self.label = unquote(parts.path.removeprefix("/"))
        self.issuer = told["issuer"][0]
        secret = told["secret"][0]
        key = base64.b32decode(secret + "=" * (-len(secret) % 8), casefold=True)
        self._totp = TOTP(key, 6, SHA1(), 30, enforce_key_length=False)

    def code(self, *, later: int = 0) -> str:
        """Return what it shows now, or some seconds later."""
        return self._totp.generate(int(time.time()) + later).decode()

    def wrong_code(self) -> str:
        """Return six digits that it does not show around now."""
        shown = {self.code(later=seconds) for seconds in range(-90, 91, 30)}
        return next(f"{n:06}" for n in range(8) if f"{n:06}" not in shown)


@pytest.fixture
def read_qr_code() -> Callable[[str], Authenticator]:
    return Authenticator


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    server = Loopback()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def make_config() -> Callable[..., CognitoIdpConfig]:
    def make(**options: Any) -> CognitoIdpConfig:
        return CognitoIdpConfig(**{"user_pool_id": POOL_ID, "client_id": CLIENT_ID, **options})

    return make


@pytest.fixture(scope="session")
def session(aws: LocalAws) -> Session:
    """A session for all tests: making one takes longer than most of them."""
    return aws.session()


@pytest.fixture
def scripted(
    loopback: Loopback, session: Session, make_config: Callable[..., CognitoIdpConfig]
) -> Callable[..., CognitoIdp]:
    """Make a CognitoIdp that talks to the scripted service."""

    def make(**options: Any) -> CognitoIdp:
        return CognitoIdp(make_config(endpoint_url=loopback.url, **options), session=session)

    return make


@pytest.fixture
def make_scripted_client(
    loopback: Loopback, session: Session, make_config: Callable[..., CognitoIdpConfig]
) -> Callable[..., CognitoClient]:
    """Make a CognitoClient both of whose pools are the scripted service."""

    def make(**options: Any) -> CognitoClient:
        config = CognitoClientConfig(
            **make_config(endpoint_url=loopback.url, **options).model_dump(),
            identity_pool_id="eu-west-1:5f1c0000-0000-4000-8000-000000000000",
            identity_endpoint_url=loopback.url,
        )
        return CognitoClient(config, session=session)

    return make


@pytest.fixture
def scripted_client(make_scripted_client: Callable[..., CognitoClient]) -> CognitoClient:
    return make_scripted_client()


@pytest.fixture
def credentials_answer() -> Callable[..., tuple[int, Any]]:
    """Make an answer of GetCredentialsForIdentity."""

    def make(key_id: str, *, lifetime: timedelta = timedelta(hours=1)) -> tuple[int, Any]:
        credentials = {
            "AccessKeyId": key_id,
            "SecretKey": "s3cret",
            "SessionToken": "s3cret-token",
            "Expiration": (datetime.now(UTC) + lifetime).timestamp(),
        }
        return 200, {"IdentityId": "eu-west-1:identity", "Credentials": credentials}

    return make


@pytest.fixture
def idp(session: Session, aws_user_pool: LocalUserPool) -> CognitoIdp:
    return CognitoIdp(aws_user_pool.config(), session=session)


@pytest.fixture
def cognito(session: Session, aws_identity_pool: LocalIdentityPool) -> CognitoClient:
    return CognitoClient(aws_identity_pool.config(), session=session)


@pytest.fixture
def hooked(session: Session, aws_user_pool: LocalUserPool) -> tuple[CognitoIdp, Any]:
    """A CognitoIdp of a boto3 client whose events a test may hook into."""
    client = session.client("cognito-idp")
    return CognitoIdp(aws_user_pool.config(), client=client), client.meta.events
