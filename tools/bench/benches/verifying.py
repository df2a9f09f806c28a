"""An access token of a user pool into claims, by us and by what one would take instead."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from saigon.aws.cognito import CognitoIdp, CognitoIdpConfig
from tools.bench.registry import Call, Pair, bench

_REGION: Final = "eu-west-1"
_POOL: Final = f"{_REGION}_AbCdEfGhI"
_CLIENT: Final = "1example23456789"
_ISSUER: Final = f"https://cognito-idp.{_REGION}.amazonaws.com/{_POOL}"
_SUB: Final = "5f1c0000-0000-4000-8000-000000000000"


@bench("verifying-by-hand", peer="PyJWKClient and jwt.decode by hand", goal="at most 0.9")
@contextmanager
def by_hand() -> Iterator[Pair]:
    """Compare with the lines of PyJWT's documentation, and the checks of Cognito's."""
    token, key_set = _token()
    with _served(key_set) as url:
        keys = jwt.PyJWKClient(url, cache_keys=True)

        def verify() -> str:
            claims = jwt.decode(
                token,
                keys.get_signing_key_from_jwt(token),
                algorithms=["RS256"],
                issuer=_ISSUER,
                options={"require": ["exp", "iat", "iss", "sub", "token_use"]},
            )
            if (claims["token_use"], claims["client_id"]) != ("access", _CLIENT):
                raise ValueError("another token")
            return str(claims["sub"])

        yield _alike(Pair(ours=_ours(token, url), peer=verify))


@bench("verifying-pycognito", peer="pycognito's verify_token", goal="at most 0.8")
@contextmanager
def pycognito() -> Iterator[Pair]:
    """Compare with the library that one would take, which has its keys already."""
    from pycognito import Cognito

    token, key_set = _token()
    cognito = Cognito(_POOL, _CLIENT, user_pool_region=_REGION)
    cognito.pool_jwk = key_set

    def verify() -> str:
        return str(cognito.verify_token(token, "access_token", "access")["sub"])

    with _served(key_set) as url:
        yield _alike(Pair(ours=_ours(token, url), peer=verify))


def _ours(token: str, url: str) -> Call:
    idp = CognitoIdp(CognitoIdpConfig(user_pool_id=_POOL, client_id=_CLIENT, jwks_url=url))
    return lambda: idp.verify_access_token(token).sub


def _alike(pair: Pair) -> Pair:
    if not pair.ours() == pair.peer() == _SUB:
        raise RuntimeError("the two do not read the same token")
    return pair


def _token() -> tuple[str, dict[str, Any]]:
    """Return a token as Cognito gives it, and the key set that it is of."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = int(time.time())
    claims = {
        "sub": _SUB,
        "iss": _ISSUER,
        "client_id": _CLIENT,
        "origin_jti": _SUB,
        "event_id": _SUB,
        "token_use": "access",
        "scope": "aws.cognito.signin.user.admin",
        "auth_time": now,
        "exp": now + 86_400,
        "iat": now,
        "jti": _SUB,
        "username": "ada",
    }
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    key_set = {"keys": [{**jwk, "kid": "key-1", "alg": "RS256", "use": "sig"}]}
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "key-1"}), key_set


@contextmanager
def _served(key_set: dict[str, Any]) -> Iterator[str]:
    body = json.dumps(key_set).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            self.send_response_only(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/keys"
        server.shutdown()
