import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from pydantic import SecretStr

from saigon.aws.cognito import CognitoIdp, CognitoIdpConfig
from saigon.aws.cognito.exceptions import (
    InvalidInputError,
    JwksUnavailableError,
    TokenAudienceError,
    TokenExpiredError,
    TokenIssuerError,
    TokenMalformedError,
    TokenScopeError,
    TokenSignatureError,
    TokenUseError,
    TokenVerificationError,
    UnknownKeyError,
)

NOW = int(datetime.now(UTC).timestamp())


@pytest.fixture
def verifier(
    loopback: Any, signer: Any, make_config: Callable[..., CognitoIdpConfig]
) -> Iterator[CognitoIdp]:
    loopback.default = (200, signer.jwks)
    yield CognitoIdp(make_config(jwks_url=f"{loopback.url}/keys"))
    assert {request["path"] for request in loopback.requests} <= {"/keys"}


def test_an_id_token_gives_its_claims(verifier: CognitoIdp, signer: Any) -> None:
    token = signer.token(
        email="ada@example.com", email_verified=True, **{"cognito:groups": ["clerks"]}
    )

    claims = verifier.verify_id_token(token)

    assert claims.username == "ada"
    assert (claims.email, claims.email_verified) == ("ada@example.com", True)
    assert claims.groups == ("clerks",)
    assert claims.expires_at > datetime.now(UTC)
    assert claims.expires_at.tzinfo is UTC
    assert claims.claims["token_use"] == "id"
    assert verifier.verify_id_token(SecretStr(token)) == claims


def test_an_access_token_gives_its_claims(verifier: CognitoIdp, signer: Any) -> None:
    claims = verifier.verify_access_token(signer.token("access"), scopes=["orders/read"])

    assert claims.scopes == {"orders/read", "orders/write"}
    assert (claims.username, claims.client_id) == ("ada", "1example23456789")


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"exp": NOW - 60}, TokenExpiredError),
        ({"exp": "soon"}, TokenMalformedError),
        ({"exp": str(NOW + 600)}, TokenMalformedError),
        ({"exp": float("inf")}, TokenMalformedError),
        ({"exp": 10**30}, TokenMalformedError),
        ({"exp": True}, TokenExpiredError),
        ({"iat": True}, TokenMalformedError),
        ({"nbf": NOW + 600}, TokenVerificationError),
        ({"iat": NOW + 600}, TokenVerificationError),
        ({"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other"}, TokenIssuerError),
        ({"aud": "another"}, TokenAudienceError),
        ({"aud": ["1example23456789", "another"]}, TokenAudienceError),
        ({"token_use": "access"}, TokenUseError),
        ({"token_use": "refresh"}, TokenUseError),
        ({"sub": 7}, TokenMalformedError),
    ],
)
def test_a_wrong_claim_is_told(
    verifier: CognitoIdp, signer: Any, claims: dict[str, Any], expected: Any
) -> None:
    with pytest.raises(TokenVerificationError) as caught:
        verifier.verify_id_token(signer.token(**claims))

    assert type(caught.value) is expected


@pytest.mark.parametrize("name", ["exp", "iat", "iss", "sub", "token_use"])
def test_a_missing_claim_is_told(verifier: CognitoIdp, signer: Any, name: str) -> None:
    with pytest.raises(TokenMalformedError):
        verifier.verify_id_token(signer.token(without=(name,)))


@pytest.mark.parametrize("name", ["aud", "client_id"])
def test_a_missing_audience_is_told(verifier: CognitoIdp, signer: Any, name: str) -> None:
    verify: Any = verifier.verify_id_token if name == "aud" else verifier.verify_access_token

    with pytest.raises(TokenAudienceError):
        verify(signer.token("id" if name == "aud" else "access", without=(name,)))


@pytest.mark.parametrize(("seconds", "accepted"), [(5, True), (60, False)])
def test_clocks_may_be_a_little_apart(
    verifier: CognitoIdp, signer: Any, seconds: int, accepted: bool
) -> None:
    now = int(datetime.now(UTC).timestamp())
    for claims in ({"exp": now - seconds}, {"iat": now + seconds}, {"nbf": now + seconds}):
        token = signer.token(**claims)
        if accepted:
            verifier.verify_id_token(token)
        else:
            with pytest.raises(TokenVerificationError):
                verifier.verify_id_token(token)


def test_each_kind_is_refused_in_the_place_of_the_other(verifier: CognitoIdp, signer: Any) -> None:
    with pytest.raises(TokenUseError):
        verifier.verify_id_token(signer.token("access"))
    with pytest.raises(TokenUseError):
        verifier.verify_access_token(signer.token("id"))


def test_a_forged_signature_is_told(
    verifier: CognitoIdp, signer: Any, make_signer: Callable[[str], Any]
) -> None:
    with pytest.raises(TokenSignatureError):
        verifier.verify_id_token(make_signer(signer.kid).token())
    header, _, signature = signer.token().split(".")
    claims = signer.token(sub="eve").split(".")[1]
    with pytest.raises(TokenSignatureError):
        verifier.verify_id_token(f"{header}.{claims}.{signature}")


def test_no_other_algorithm_is_accepted(verifier: CognitoIdp, signer: Any) -> None:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    payload = signer.token().split(".")[1]
    public = signer.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    unsigned = f"{part({'alg': 'none', 'kid': signer.kid})}.{payload}."
    head = f"{part({'alg': 'HS256', 'kid': signer.kid})}.{payload}"
    # The old attack: the public key as the secret of an HMAC.
    mac = hashlib.sha256(public + head.encode()).digest()
    hmac_signed = f"{head}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    rs512 = jwt.encode({"sub": "x"}, signer.key, algorithm="RS512", headers={"kid": signer.kid})

    for token in (unsigned, hmac_signed, rs512):
        with pytest.raises(TokenSignatureError):
            verifier.verify_id_token(token)


@pytest.mark.parametrize(
    "token",
    ["", "x", "a.b", "a.b.c", "....", "é.é.é", "\ud800.a.b", " ", None, 7, b"d.e.f", "a" * 30_000],
)
def test_what_is_no_token_is_told(verifier: CognitoIdp, loopback: Any, token: Any) -> None:
    with pytest.raises(TokenMalformedError):
        verifier.verify_id_token(token)

    assert loopback.requests == []


@pytest.mark.parametrize("kid", [None, "", 7, "k" * 300])
def test_a_token_has_to_name_its_key(
    verifier: CognitoIdp, signer: Any, loopback: Any, kid: Any
) -> None:
    head = {"alg": "RS256", "typ": "JWT", "kid": kid}
    encoded = base64.urlsafe_b64encode(json.dumps(head).encode()).decode().rstrip("=")
    rest = signer.token().split(".", 1)[1]

    with pytest.raises(TokenMalformedError):
        verifier.verify_id_token(f"{encoded}.{rest}")

    assert loopback.requests == []


def test_no_address_out_of_a_token_is_ever_asked(
    verifier: CognitoIdp, signer: Any, loopback: Any, make_signer: Callable[[str], Any]
) -> None:
    evil = make_signer("evil")
    header = {"jku": f"{loopback.url}/evil", "x5u": f"{loopback.url}/evil", "jwk": evil.jwk}

    with pytest.raises(UnknownKeyError):
        verifier.verify_id_token(evil.token(header=header))
    with pytest.raises(TokenSignatureError):
        verifier.verify_id_token(evil.token(header={**header, "kid": signer.kid}))


def test_groups_scopes_nonce_and_hash_can_be_asked_for(verifier: CognitoIdp, signer: Any) -> None:
    access = signer.token("access", **{"cognito:groups": ["clerks"]})
    half = hashlib.sha256(access.encode()).digest()[:16]
    at_hash = base64.urlsafe_b64encode(half).decode().rstrip("=")
    token = signer.token(nonce="n-1", at_hash=at_hash, **{"cognito:groups": ["clerks", "admins"]})

    verifier.verify_id_token(token, nonce="n-1", access_token=access, groups=["admins"])
    verifier.verify_access_token(access, groups=["clerks"], scopes=["orders/write"])

    tokens = signer.tokens().model_copy(update={"access_token": access})
    verifier.verify_id_token(token, access_token=tokens)

    with pytest.raises(TokenVerificationError, match="nonce"):
        verifier.verify_id_token(token, nonce="n-2")
    with pytest.raises(TokenVerificationError, match="nonce"):
        verifier.verify_id_token(signer.token(), nonce="n-1")
    with pytest.raises(TokenVerificationError, match="nonce"):
        verifier.verify_id_token(signer.token(nonce="\ud800"), nonce="n-1")
    with pytest.raises(TokenVerificationError, match="at_hash"):
        verifier.verify_id_token(token, access_token="\ud800")
    with pytest.raises(TokenVerificationError, match="at_hash"):
        verifier.verify_id_token(token, access_token=signer.token("access", sub="other"))
    with pytest.raises(TokenScopeError, match="group"):
        verifier.verify_id_token(token, groups=["nobody"])
    with pytest.raises(TokenScopeError, match="scope"):
        verifier.verify_access_token(access, scopes=["orders/delete"])


@pytest.mark.parametrize("names", ["", "clerks", None, 7])
def test_groups_and_scopes_are_several_names(verifier: CognitoIdp, signer: Any, names: Any) -> None:
    with pytest.raises(InvalidInputError, match="groups"):
        verifier.verify_id_token(signer.token(), groups=names)
    with pytest.raises(InvalidInputError, match="scopes"):
        verifier.verify_access_token(signer.token("access"), scopes=names)


def test_tokens_of_further_app_clients_can_be_accepted(
    loopback: Any, signer: Any, make_config: Callable[..., CognitoIdpConfig]
) -> None:
    loopback.default = (200, signer.jwks)
    config = make_config(jwks_url=f"{loopback.url}/keys", accepted_client_ids=["telephone"])
    verifier = CognitoIdp(config)

    for client in (config.client_id, "telephone"):
        assert verifier.verify_id_token(signer.token(aud=client)).audience == client
        claims = verifier.verify_access_token(signer.token("access", client_id=client))
        assert claims.client_id == client
    for other in ("browser", ["telephone"], None, 7):
        with pytest.raises(TokenAudienceError):
            verifier.verify_id_token(signer.token(aud=other))
        with pytest.raises(TokenAudienceError):
            verifier.verify_access_token(signer.token("access", client_id=other))


def test_roles_are_read(verifier: CognitoIdp, signer: Any) -> None:
    role = "arn:aws:iam::123456789012:role/clerk"
    token = signer.token(**{"cognito:roles": [role], "cognito:preferred_role": role})

    claims = verifier.verify_id_token(token)

    assert (claims.roles, claims.preferred_role) == ((role,), role)
    assert verifier.verify_id_token(signer.token()).roles == ()


def test_no_error_quotes_the_token(verifier: CognitoIdp, signer: Any) -> None:
    token = signer.token(aud="another")

    with pytest.raises(TokenVerificationError) as caught:
        verifier.verify_id_token(token)

    assert not any(part in str(caught.value) for part in token.split("."))
    for wrong in (token, signer.token(exp=NOW - 60), signer.token(without=("sub",))):
        with pytest.raises(TokenVerificationError) as refused:
            verifier.verify_id_token(wrong)
        assert (refused.value.__cause__, refused.value.__context__) == (None, None)


def test_keys_out_of_reach_are_not_the_tokens_fault(
    make_config: Callable[..., CognitoIdpConfig], signer: Any
) -> None:
    verifier = CognitoIdp(make_config(jwks_url="http://127.0.0.1:1/keys"))

    with pytest.raises(JwksUnavailableError) as caught:
        verifier.verify_id_token(signer.token())

    assert caught.value.retryable
    assert not isinstance(caught.value, TokenVerificationError)
