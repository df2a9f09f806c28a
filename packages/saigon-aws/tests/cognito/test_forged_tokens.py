"""Every forgery that we know of, made by hand, while the key server runs, is down, and is back.

Nothing here is made or read by PyJWT, which the code under test builds on.
"""

import base64
import hashlib
import hmac
import json
import string
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, tzinfo
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Literal, Self, TypeAlias

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from saigon.aws.cognito import CognitoIdp, CognitoIdpConfig
from saigon.aws.cognito.exceptions import (
    CognitoError,
    InvalidInputError,
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
from saigon.aws.cognito.models import AccessTokenClaims, IdTokenClaims

Kind: TypeAlias = Literal["id", "access"]
Claims: TypeAlias = IdTokenClaims | AccessTokenClaims

POOL_ID: Final = "eu-west-1_AbCdEfGhI"
CLIENT_ID: Final = "1example23456789"
OTHER_CLIENT_ID: Final = "2example23456789"
ISSUER: Final = f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL_ID}"
KID: Final = "pool/key+1="
BOTH: Final[tuple[Kind, ...]] = ("id", "access")
ALPHABET: Final = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


POOL_KEY: Final = _rsa_key()
ATTACKERS_KEY: Final = _rsa_key()
ATTACKERS_EC_KEY: Final = ec.generate_private_key(ec.SECP256R1())


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def part(value: Any) -> str:
    """Return a header or payload: text stands for itself, anything else for its JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    return b64(text.encode("utf-8", "surrogatepass"))


def rs256(message: bytes, key: rsa.RSAPrivateKey = POOL_KEY) -> bytes:
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def jwk(key: rsa.RSAPrivateKey = POOL_KEY, /, **more: Any) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": KID,
        "n": b64(numbers.n.to_bytes(256, "big")),
        "e": b64(numbers.e.to_bytes(3, "big")),
        **more,
    }


def header(**more: Any) -> dict[str, Any]:
    return _without({"alg": "RS256", "kid": KID, **more})


def payload(kind: Kind, **more: Any) -> dict[str, Any]:
    now = int(time.time())
    own: dict[Kind, dict[str, Any]] = {
        "id": {"aud": CLIENT_ID, "cognito:username": "ada", "at_hash": "AQAB", "nonce": "n-1"},
        "access": {"client_id": CLIENT_ID, "username": "ada", "scope": "orders/read"},
    }
    common = {
        "iss": ISSUER,
        "sub": "5f1c0000-0000-4000-8000-000000000000",
        "token_use": kind,
        "cognito:groups": ["clerks"],
        "auth_time": now,
        "iat": now,
        "exp": now + 3600,
    }
    return _without({**common, **own[kind], **more})


def _without(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is given as ``...``."""
    return {name: value for name, value in values.items() if value is not ...}


def token(head: Any, body: Any, sign: Callable[[bytes], bytes] = rs256) -> str:
    message = f"{part(head)}.{part(body)}"
    return f"{message}.{b64(sign(message.encode()))}"


def good(kind: Kind) -> str:
    return token(header(), payload(kind))


# How forgeries are made: each returns a function of the kind of token that is wanted.
Make: TypeAlias = Callable[[Kind], str]


def claiming(**claims: Any) -> Make:
    """A token that the pool has signed, with other claims."""
    return lambda kind: token(header(), payload(kind, **claims))


def timed(**seconds: int) -> Make:
    """A token that the pool has signed, with times so many seconds from now."""
    return lambda kind: token(
        header(), payload(kind, **{name: int(time.time()) + s for name, s in seconds.items()})
    )


def headed(**fields: Any) -> Make:
    """A token that the pool has signed, with another header."""
    return lambda kind: token(header(**fields), payload(kind))


def raw(head: Any = None, body: Any = None) -> Make:
    """A token that the pool has signed, with another header or payload as a whole."""
    return lambda kind: token(
        header() if head is None else head, payload(kind) if body is None else body
    )


def attacked(**fields: Any) -> Make:
    """A token that an attacker has signed, with the header to get it through."""
    return lambda kind: token(
        header(**fields), payload(kind), lambda message: rs256(message, ATTACKERS_KEY)
    )


def signed(sign: Callable[[bytes], bytes], **fields: Any) -> Make:
    return lambda kind: token(header(**fields), payload(kind), sign)


def rewritten(change: Callable[[str, str, str], str]) -> Make:
    """The text of a good token, changed."""
    return lambda kind: change(*good(kind).split("."))


def with_hmac(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda message: hmac.new(secret, message, hashlib.sha256).digest()


def with_rsa(digest: hashes.HashAlgorithm, *, pss: bool = False) -> Callable[[bytes], bytes]:
    scheme = padding.PSS(padding.MGF1(digest), digest.digest_size) if pss else padding.PKCS1v15()
    return lambda message: POOL_KEY.sign(message, scheme, digest)


def with_ecdsa(message: bytes) -> bytes:
    return ATTACKERS_EC_KEY.sign(message, ec.ECDSA(hashes.SHA256()))


def public(
    encoding: serialization.Encoding,
    layout: serialization.PublicFormat = serialization.PublicFormat.SubjectPublicKeyInfo,
) -> bytes:
    return POOL_KEY.public_key().public_bytes(encoding, layout)


def loose_end(segment: str) -> str:
    """Set the bits of the last character that no octet of the segment holds."""
    assert len(segment) % 4, "every bit counts"
    spare = {2: 0b1111, 3: 0b11}[len(segment) % 4]
    return segment[:-1] + ALPHABET[ALPHABET.index(segment[-1]) | spare]


def deflated(kind: Kind) -> str:
    body = b64(zlib.compress(json.dumps(payload(kind)).encode(), wbits=-15))
    message = f"{part(header(zip='DEF'))}.{body}"
    return f"{message}.{b64(rs256(message.encode()))}"


def loose_payload(kind: Kind) -> str:
    """A token signed by the pool over a payload with spare bits set, as no encoder writes it."""
    body = next(
        text for filling in ("", "x", "xx") if len(text := part(payload(kind, filling=filling))) % 4
    )
    message = f"{part(header())}.{loose_end(body)}"
    return f"{message}.{b64(rs256(message.encode()))}"


def duplicate(kind: Kind, name: str, first: Any) -> str:
    """Return a payload that has a claim twice, the right one last."""
    return f'{{"{name}": {json.dumps(first)}, {json.dumps(payload(kind))[1:]}'


def no_times(digits: str, unicode_digits: str) -> dict[str, Any]:
    return {
        "text": "tomorrow",
        "digits": digits,
        "unicode-digits": unicode_digits,
        "blank": "",
        "nan": float("nan"),
        "infinity": float("inf"),
        "list": [1_700_000_000],
        "object": {},
    }


@dataclass(frozen=True)
class Forgery:
    make: Make
    error: type[TokenVerificationError]
    kinds: tuple[Kind, ...] = BOTH


Malformed: Final = TokenMalformedError
Signature: Final = TokenSignatureError

FORGERIES: Final[dict[str, Forgery]] = {
    # Another algorithm.
    "alg-none": Forgery(lambda kind: token(header(alg="none"), payload(kind), bytes), Signature),
    **{
        f"alg-{name or 'blank'}-unsigned": Forgery(signed(lambda _: b"", alg=name), Signature)
        for name in ("none", "None", "nOnE", "NONE", " none", "")
    },
    "alg-none-signed": Forgery(headed(alg="none"), Signature),
    "alg-missing": Forgery(headed(alg=...), Signature),
    "alg-null": Forgery(headed(alg=None), Signature),
    "alg-list": Forgery(headed(alg=["RS256"]), Signature),
    "alg-object": Forgery(headed(alg={"RS256": 1}), Signature),
    "alg-lower-case": Forgery(headed(alg="rs256"), Signature),
    "alg-space": Forgery(headed(alg="RS256 "), Signature),
    "alg-nul": Forgery(headed(alg="RS256\0"), Signature),
    "alg-look-alike": Forgery(headed(alg="RЅ256"), Signature),  # noqa: RUF001  # the point
    "rs384": Forgery(signed(with_rsa(hashes.SHA384()), alg="RS384"), Signature),
    "rs512": Forgery(signed(with_rsa(hashes.SHA512()), alg="RS512"), Signature),
    "ps256": Forgery(signed(with_rsa(hashes.SHA256(), pss=True), alg="PS256"), Signature),
    "es256": Forgery(signed(with_ecdsa, alg="ES256"), Signature),
    "rs256-in-truth-rs512": Forgery(signed(with_rsa(hashes.SHA512())), Signature),
    "rs256-in-truth-ps256": Forgery(signed(with_rsa(hashes.SHA256(), pss=True)), Signature),
    "rs256-in-truth-es256": Forgery(signed(with_ecdsa), Signature),
    "rs256-in-truth-hmac": Forgery(
        signed(with_hmac(public(serialization.Encoding.PEM))), Signature
    ),
    **{
        f"hs256-keyed-with-{name}": Forgery(signed(with_hmac(secret), alg="HS256"), Signature)
        for name, secret in {
            "pem": public(serialization.Encoding.PEM),
            "pem-stripped": public(serialization.Encoding.PEM).strip(),
            "pem-pkcs1": public(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1),
            "der": public(serialization.Encoding.DER),
            "ssh": public(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH),
            "jwk": json.dumps(jwk()).encode(),
            "modulus": jwk()["n"].encode(),
            "kid": KID.encode(),
            "nothing": b"",
        }.items()
    },
    # Another key, and headers that bring their own.
    "signed-by-another": Forgery(attacked(), Signature),
    "jku": Forgery(attacked(jku=f"{ISSUER}/.well-known/jwks.json"), Signature),
    "jku-of-own-key": Forgery(
        attacked(jku="https://evil.example/jwks", kid="evil"), UnknownKeyError
    ),
    "x5u": Forgery(attacked(x5u="https://evil.example/cert.pem"), Signature),
    "jwk": Forgery(attacked(jwk=jwk(ATTACKERS_KEY)), Signature),
    "jwk-of-own-key": Forgery(attacked(jwk=jwk(ATTACKERS_KEY, kid="e"), kid="e"), UnknownKeyError),
    "x5c": Forgery(attacked(x5c=[b64(b"certificate")]), Signature),
    # The key's id.
    "kid-missing": Forgery(headed(kid=...), Malformed),
    "kid-null": Forgery(headed(kid=None), Malformed),
    "kid-blank": Forgery(headed(kid=""), Malformed),
    "kid-number": Forgery(headed(kid=7), Malformed),
    "kid-true": Forgery(headed(kid=True), Malformed),
    "kid-list": Forgery(headed(kid=[KID]), Malformed),
    "kid-object": Forgery(headed(kid={"kid": KID}), Malformed),
    "kid-long": Forgery(headed(kid="k" * 201), Malformed),
    "kid-nearly-long": Forgery(headed(kid="k" * 200), UnknownKeyError),
    "kid-path": Forgery(headed(kid="../../../../../../dev/null"), UnknownKeyError),
    "kid-path-to-itself": Forgery(headed(kid=f"./{KID}"), UnknownKeyError),
    "kid-url": Forgery(headed(kid="https://evil.example/jwks"), UnknownKeyError),
    "kid-sql": Forgery(headed(kid="' OR 1=1 UNION SELECT 'AQAB' --"), UnknownKeyError),
    "kid-shell": Forgery(headed(kid="|sleep 10"), UnknownKeyError),
    "kid-format": Forgery(headed(kid="%s%n{0.__class__}"), UnknownKeyError),
    "kid-surrogate": Forgery(headed(kid="\ud800"), UnknownKeyError),
    "kid-nul": Forgery(headed(kid=f"{KID}\0"), UnknownKeyError),
    "kid-space": Forgery(headed(kid=f" {KID}"), UnknownKeyError),
    "kid-upper-case": Forgery(headed(kid=KID.upper()), UnknownKeyError),
    # Headers that change what is signed or how it is read.
    "crit-unknown": Forgery(headed(crit=["exp"], exp=0), Malformed),
    "crit-blank": Forgery(headed(crit=[]), Malformed),
    "crit-text": Forgery(headed(crit="b64", b64=True), Malformed),
    "crit-null": Forgery(headed(crit=None), Malformed),
    "crit-of-missing": Forgery(headed(crit=["b64"]), Malformed),
    "b64-false": Forgery(headed(b64=False), Malformed),
    "b64-false-crit": Forgery(headed(b64=False, crit=["b64"]), Malformed),
    "b64-false-detached": Forgery(
        lambda kind: token(header(b64=False, crit=["b64"]), ""), Malformed
    ),
    "zip": Forgery(deflated, Malformed),
    "zip-by-another": Forgery(attacked(zip="DEF"), Signature),
    # Header and payload that are no objects, or more than one.
    **{
        f"header-{name}": Forgery(raw(head=text), Malformed)
        for name, text in {
            "nothing": "",
            "list": [header()],
            "text": '"RS256"',
            "number": "7",
            "null": "null",
            "nested": json.dumps(json.dumps(header())),
            "twice": json.dumps(header()) * 2,
            "cut": json.dumps(header())[:-1],
            "single-quotes": str(header()),
            "deep": '{"kid":' * 2000,
            "no-utf-8": "\udcff",
        }.items()
    },
    **{
        f"payload-{name}": Forgery(raw(body=text), Malformed)
        for name, text in {
            "nothing": "",
            "list": [payload("id")],
            "text": '"claims"',
            "number": "7",
            "null": "null",
            "true": "true",
            "empty": {},
            "inner": {"claims": payload("id")},
            "nested": json.dumps(json.dumps(payload("id"))),
            "twice": json.dumps(payload("id")) * 2,
            "cut": json.dumps(payload("id"))[:-1],
            "deep": "[" * 9000,
            "long-number": '{"exp": %s}' % ("9" * 5000),
            "no-utf-8": "\udcff",
        }.items()
    },
    "header-alg-twice": Forgery(
        raw(head=f'{{"alg": "RS256", "kid": "{KID}", "alg": "none"}}'), Signature
    ),
    "header-kid-twice": Forgery(
        raw(head=f'{{"kid": "{KID}", "alg": "RS256", "kid": "x"}}'), UnknownKeyError
    ),
    "twice-headed-by-another": Forgery(
        lambda kind: token(
            f'{{"alg": "none", "kid": "x", "alg": "RS256", "kid": "{KID}"}}',
            payload(kind),
            lambda message: rs256(message, ATTACKERS_KEY),
        ),
        Signature,
    ),
    "claim-twice": Forgery(
        lambda kind: token(header(), json.dumps(payload(kind))[:-1] + ', "exp": 1}'),
        TokenExpiredError,
    ),
    # The text.
    "nothing": Forgery(lambda _: "", Malformed),
    "one-part": Forgery(rewritten(lambda head, _body, _sig: head), Malformed),
    "two-parts": Forgery(rewritten(lambda head, body, _sig: f"{head}.{body}"), Malformed),
    "signature-stripped": Forgery(rewritten(lambda head, body, _: f"{head}.{body}."), Signature),
    "signature-alone": Forgery(rewritten(lambda _head, _body, sig: f"..{sig}"), Malformed),
    "payload-stripped": Forgery(rewritten(lambda head, _, sig: f"{head}..{sig}"), Signature),
    "payload-of-another": Forgery(
        lambda kind: ".".join(
            (part(header()), part(payload(kind, sub="eve")), good(kind).split(".")[2])
        ),
        Signature,
    ),
    "parts-swapped": Forgery(rewritten(lambda head, body, sig: f"{body}.{head}.{sig}"), Signature),
    "signature-zero": Forgery(signed(lambda _: bytes(256)), Signature),
    "signature-one": Forgery(signed(lambda _: bytes(255) + b"\1"), Signature),
    "signature-modulus": Forgery(
        signed(lambda _: POOL_KEY.public_key().public_numbers().n.to_bytes(256, "big")), Signature
    ),
    "signature-short": Forgery(signed(lambda message: rs256(message)[1:]), Signature),
    "signature-leading-zero": Forgery(signed(lambda message: b"\0" + rs256(message)), Signature),
    "signature-long": Forgery(signed(lambda message: rs256(message) + b"\0"), Signature),
    "signature-hex": Forgery(signed(lambda message: rs256(message).hex().encode()), Signature),
    "loose-signature": Forgery(rewritten(lambda h, b, sig: f"{h}.{b}.{loose_end(sig)}"), Malformed),
    "loose-signed-payload": Forgery(loose_payload, Malformed),
    "padded-short": Forgery(rewritten(lambda h, b, sig: f"{h}.{b}.{sig}="), Malformed),
    "padded-long": Forgery(rewritten(lambda h, b, sig: f"{h}.{b}.{sig}==="), Malformed),
    "standard-alphabet": Forgery(rewritten(lambda h, b, sig: f"{h}.{b}.+/{sig[2:]}"), Malformed),
    **{
        f"text-{name}": Forgery(change, Malformed)
        for name, change in {
            "space-before": rewritten(lambda *parts: " " + ".".join(parts)),
            "space-after": rewritten(lambda *parts: ".".join(parts) + " "),
            "newline-before": rewritten(lambda *parts: "\n" + ".".join(parts)),
            "newline-after": rewritten(lambda *parts: ".".join(parts) + "\n"),
            "nul-after": rewritten(lambda *parts: ".".join(parts) + "\0"),
            "newline-within": rewritten(lambda h, b, sig: f"{h}.{b[:40]}\n{b[40:]}.{sig}"),
            "spaces-around-dots": rewritten(lambda *parts: " . ".join(parts)),
            "bearer": rewritten(lambda *parts: "Bearer " + ".".join(parts)),
            "quotes": rewritten(lambda *parts: '"' + ".".join(parts) + '"'),
            "dot-before": rewritten(lambda *parts: "." + ".".join(parts)),
            "dot-after": rewritten(lambda *parts: ".".join(parts) + "."),
            "two-dots": rewritten(lambda *parts: "..".join(parts)),
            "full-width-dots": rewritten(lambda *parts: "．".join(parts)),  # noqa: RUF001  # the point
            "unicode-digit": rewritten(lambda h, b, sig: f"{h}.{b}.{sig[:-1]}٣"),
            "url-quoted": rewritten(lambda *parts: "%2E".join(parts)),
            "twice": rewritten(lambda *parts: ".".join(parts) * 2),
            "twice-with-dot": rewritten(lambda *parts: ".".join(parts * 2)),
            "twice-with-comma": rewritten(lambda *parts: ",".join([".".join(parts)] * 2)),
            "twice-with-newline": rewritten(lambda *parts: "\n".join([".".join(parts)] * 2)),
            "too-long": claiming(filling="x" * 15_000),
            "much-too-long": rewritten(lambda h, b, sig: f"{h}.{b}.{sig * 20_000}"),
            "dots": lambda _: "." * 20_000,
        }.items()
    },
    "jwe": Forgery(
        lambda kind: ".".join(
            (
                part({"cty": "JWT", "enc": "A256GCM", "alg": "RSA-OAEP"}),
                b64(bytes(256)),
                b64(bytes(12)),
                b64(json.dumps(payload(kind)).encode()),
                b64(bytes(16)),
            )
        ),
        Malformed,
    ),
    "jwe-of-our-kid": Forgery(
        rewritten(lambda head, body, sig: f"{head}.{sig}.{body}.{body}.{sig}"), Malformed
    ),
    "jws-json": Forgery(
        rewritten(
            lambda head, body, sig: json.dumps(
                {"protected": head, "payload": body, "signature": sig}
            )
        ),
        Malformed,
    ),
    # Times.
    "expired": Forgery(timed(exp=-60), TokenExpiredError),
    "exp-zero": Forgery(claiming(exp=0), TokenExpiredError),
    "exp-negative": Forgery(claiming(exp=-(10**12)), TokenExpiredError),
    "exp-very-negative": Forgery(claiming(exp=-1e300), TokenExpiredError),
    "exp-true": Forgery(claiming(exp=True), TokenExpiredError),
    "exp-year-33658": Forgery(claiming(exp=10**12), Malformed),
    "exp-beyond-gmtime": Forgery(claiming(exp=10**17), Malformed),
    "exp-beyond-int64": Forgery(claiming(exp=10**30), Malformed),
    "exp-float-max": Forgery(claiming(exp=1.7e308), Malformed),
    "iat-beyond-gmtime": Forgery(claiming(iat=-(10**17)), Malformed),
    "auth-time-beyond-gmtime": Forgery(claiming(auth_time=1e17), Malformed),
    **{
        f"{name.replace('_', '-')}-{shape}": Forgery(claiming(**{name: value}), Malformed)
        for name, digits in {"exp": 10, "iat": 5, "auth_time": 5}.items()
        for shape, value in no_times("9" * digits, "٩" * digits).items()
    },
    "exp-infinity-as-number": Forgery(
        lambda kind: token(header(), json.dumps(payload(kind))[:-1] + ', "exp": 1e999}'), Malformed
    ),
    "exp-null": Forgery(claiming(exp=None), Malformed),
    "exp-missing": Forgery(claiming(exp=...), Malformed),
    "iat-null": Forgery(claiming(iat=None), Malformed),
    "iat-missing": Forgery(claiming(iat=...), Malformed),
    "iat-true": Forgery(claiming(iat=True), Malformed),
    "iat-future": Forgery(timed(iat=1800), TokenVerificationError),
    "iat-far-future": Forgery(claiming(iat=10**30), TokenVerificationError),
    "nbf-future": Forgery(timed(nbf=1800), TokenVerificationError),
    "nbf-far-future": Forgery(claiming(nbf=10**30), TokenVerificationError),
    "nbf-text": Forgery(claiming(nbf="tomorrow"), Malformed),
    "nbf-null": Forgery(claiming(nbf=None), Malformed),
    "nbf-nan": Forgery(claiming(nbf=float("nan")), Malformed),
    "nbf-infinity": Forgery(claiming(nbf=float("inf")), Malformed),
    "nbf-list": Forgery(claiming(nbf=[0]), Malformed),
    "expired-and-of-another-pool": Forgery(claiming(exp=1, iss="x"), TokenExpiredError),
    # Another issuer.
    **{
        f"iss-{name}": Forgery(claiming(iss=value), TokenIssuerError)
        for name, value in {
            "other-pool": f"{ISSUER[:-1]}J",
            "other-region": ISSUER.replace("eu-west-1", "us-east-1"),
            "upper-case": ISSUER.upper(),
            "pool-lower-case": ISSUER.lower(),
            "slash": f"{ISSUER}/",
            "space": f"{ISSUER} ",
            "nul": f"{ISSUER}\0",
            "credentials": ISSUER.replace("https://", "https://evil@"),
            "port": ISSUER.replace(".com/", ".com:443/"),
            "http": ISSUER.replace("https", "http"),
            "query": f"{ISSUER}?",
            "suffix": ISSUER.replace(".com/", ".com.evil.example/"),
            "prefix": ISSUER[:-1],
            "path": f"https://evil.example/{ISSUER}",
            "blank": "",
            "list": [ISSUER],
            "object": {ISSUER: 1},
            "number": 7,
            "true": True,
        }.items()
    },
    "iss-null": Forgery(claiming(iss=None), Malformed),
    "iss-missing": Forgery(claiming(iss=...), Malformed),
    "other-pools-key-and-issuer": Forgery(
        lambda kind: token(
            header(kid="other-pool"),
            payload(kind, iss=f"{ISSUER[:-1]}J"),
            lambda message: rs256(message, ATTACKERS_KEY),
        ),
        UnknownKeyError,
    ),
    "other-pools-key-our-issuer": Forgery(attacked(kid="other-pool"), UnknownKeyError),
    # Another app client.
    **{
        f"aud-{name}": Forgery(claiming(aud=value), TokenAudienceError, kinds=("id",))
        for name, value in {
            "other": OTHER_CLIENT_ID,
            "list": [CLIENT_ID],
            "list-with-other": [OTHER_CLIENT_ID, CLIENT_ID],
            "object": {CLIENT_ID: 1},
            "upper-case": CLIENT_ID.upper(),
            "space": f"{CLIENT_ID} ",
            "prefix": CLIENT_ID[:-1],
            "both": f"{CLIENT_ID} {OTHER_CLIENT_ID}",
            "blank": "",
            "null": None,
            "true": True,
            "missing": ...,
        }.items()
    },
    "client-id-in-place-of-aud": Forgery(
        claiming(aud=..., client_id=CLIENT_ID), TokenAudienceError, kinds=("id",)
    ),
    "azp-in-place-of-aud": Forgery(
        claiming(aud=OTHER_CLIENT_ID, azp=CLIENT_ID), TokenAudienceError, kinds=("id",)
    ),
    **{
        f"client-id-{name}": Forgery(
            claiming(client_id=value), TokenAudienceError, kinds=("access",)
        )
        for name, value in {
            "other": OTHER_CLIENT_ID,
            "list": [CLIENT_ID],
            "object": {CLIENT_ID: 1},
            "upper-case": CLIENT_ID.upper(),
            "space": f" {CLIENT_ID}",
            "blank": "",
            "null": None,
            "missing": ...,
        }.items()
    },
    "aud-in-place-of-client-id": Forgery(
        claiming(client_id=..., aud=CLIENT_ID), TokenAudienceError, kinds=("access",)
    ),
    "aud-beside-other-client-id": Forgery(
        claiming(client_id=OTHER_CLIENT_ID, aud=CLIENT_ID), TokenAudienceError, kinds=("access",)
    ),
    # Another use.
    "access-as-id": Forgery(lambda _: good("access"), TokenUseError, kinds=("id",)),
    "id-as-access": Forgery(lambda _: good("id"), TokenUseError, kinds=("access",)),
    "access-dressed-as-id": Forgery(
        lambda _: token(header(), payload("access", aud=CLIENT_ID)), TokenUseError, kinds=("id",)
    ),
    "id-dressed-as-access": Forgery(
        lambda _: token(header(), payload("id", client_id=CLIENT_ID, scope="orders/read")),
        TokenUseError,
        kinds=("access",),
    ),
    **{
        f"use-{name}": Forgery(claiming(token_use=value), TokenUseError)
        for name, value in {
            "refresh": "refresh",
            "list": ["id", "access"],
            "object": {"id": "access"},
            "upper-case-id": "ID",
            "upper-case-access": "ACCESS",
            "both": "id access",
            "space": "id ",
            "blank": "",
            "true": True,
            "zero": 0,
        }.items()
    },
    "use-null": Forgery(claiming(token_use=None), Malformed),
    "use-missing": Forgery(claiming(token_use=...), Malformed),
    # Claims of another type.
    "sub-missing": Forgery(claiming(sub=...), Malformed),
    "sub-null": Forgery(claiming(sub=None), Malformed),
    "sub-number": Forgery(claiming(sub=7), Malformed),
    "sub-list": Forgery(claiming(sub=["ada"]), Malformed),
    "jti-number": Forgery(claiming(jti=7), Malformed),
    "username-null": Forgery(claiming(**{"username": None, "cognito:username": None}), Malformed),
    "username-list": Forgery(claiming(**{"username": [], "cognito:username": []}), Malformed),
    "email-list": Forgery(claiming(email=["ada@example.com"]), Malformed, kinds=("id",)),
    "email-verified-text": Forgery(claiming(email_verified="maybe"), Malformed, kinds=("id",)),
}


ODD_BUT_GOOD: Final[dict[str, Forgery]] = {
    # Signed by the pool, and nothing in them contradicts what is asked: they verify.
    name: Forgery(make, TokenVerificationError, kinds)
    for name, make, kinds in (
        ("plain", good, BOTH),
        ("typ", headed(typ="at+jwt", cty="x"), BOTH),
        ("foreign-keys-unused", headed(jku="https://evil.example", x5u="x", jwk={}, x5c=[]), BOTH),
        ("b64-true", headed(b64=True, crit=["b64"]), BOTH),
        ("header-twice", raw(head=f'{{"alg": "x", "kid": "{KID}", "alg": "RS256"}}'), BOTH),
        ("header-bom", raw(head="\ufeff" + json.dumps(header())), BOTH),
        ("claim-twice", lambda kind: token(header(), duplicate(kind, "exp", 1)), BOTH),
        ("payload-deep", claiming(deep=json.loads("[" * 300 + "]" * 300)), BOTH),
        ("exp-float", claiming(exp=9_999_999_999.5), BOTH),
        ("iat-zero", claiming(iat=0), BOTH),
        ("iat-negative", claiming(iat=-5.5), BOTH),
        ("nbf-past", claiming(nbf=0), BOTH),
        ("auth-time-missing", claiming(auth_time=...), BOTH),
        ("no-groups", claiming(**{"cognito:groups": ...}), BOTH),
        ("access-with-aud", claiming(aud="https://orders.example"), ("access",)),
        ("access-with-aud-of-another", claiming(aud=[OTHER_CLIENT_ID]), ("access",)),
        ("id-with-other-client-id", claiming(client_id=OTHER_CLIENT_ID), ("id",)),
        ("nearly-too-long", claiming(filling="x" * 14_000), BOTH),
    )
}


class KeyServer:
    """Serves the pool's keys over HTTP; can be stopped, and started again at the same port."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.keys: list[Any] = [jwk()]
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/keys"

    def start(self) -> None:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.paths.append(self.path)
                body = json.dumps({"keys": server.keys}).encode()
                self.send_response_only(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
                """Keep silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_port
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(0.002,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop serving; a second time does nothing."""
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def idp_of(server: KeyServer, **options: Any) -> CognitoIdp:
    return CognitoIdp(
        CognitoIdpConfig(user_pool_id=POOL_ID, client_id=CLIENT_ID, jwks_url=server.url, **options)
    )


def verified(idp: CognitoIdp, kind: Kind, text: str) -> Claims:
    return idp.verify_id_token(text) if kind == "id" else idp.verify_access_token(text)


@pytest.fixture(scope="module")
def idps() -> Iterator[dict[str, CognitoIdp]]:
    """One CognitoIdp for each fate of its key server, which it asks whenever it needs a key."""
    with ExitStack() as stack:
        fates = ("served", "stopped", "restarted")
        servers = {fate: stack.enter_context(KeyServer()) for fate in fates}
        yield {fate: _idp_after(fate, server) for fate, server in servers.items()}
        for server in servers.values():
            assert set(server.paths) == {"/keys"}, "an address out of a token was asked"


def _idp_after(fate: str, server: KeyServer) -> CognitoIdp:
    # Where the server has stopped once, keys are old as soon as they have come: each token that
    # names one meets the server as it is.
    old = {"jwks_lifespan": 1e-9, "jwks_cooldown": 0}
    idp = idp_of(server, **({} if fate == "served" else old))
    assert verified(idp, "id", good("id")).username == "ada"
    if fate != "served":
        server.stop()
        assert verified(idp, "id", good("id")).username == "ada"
    if fate == "restarted":
        server.start()
    return idp


@pytest.fixture(scope="module")
def steady() -> CognitoIdp:
    """A CognitoIdp that has its keys, and whose key server is gone."""
    with KeyServer() as server:
        made = idp_of(server)
        verified(made, "id", good("id"))
    return made


def case_table(forgeries: Mapping[str, Forgery]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("kind", "forgery"),
        [
            pytest.param(kind, forgery, id=f"{name}-{kind}")
            for name, forgery in forgeries.items()
            for kind in forgery.kinds
        ],
    )


@case_table(FORGERIES)
def test_a_forged_token_is_refused_for_what_is_wrong_with_it(
    idps: dict[str, CognitoIdp], kind: Kind, forgery: Forgery
) -> None:
    forged = forgery.make(kind)

    for fate, idp in idps.items():
        with pytest.raises(TokenVerificationError) as caught:
            verified(idp, kind, forged)
        assert caught.type is forgery.error, f"the key server is {fate}"
        assert not any(part in str(caught.value) for part in forged.split(".") if len(part) > 9)


@pytest.mark.parametrize("kind", BOTH)
def test_a_good_token_verifies_whatever_was_forged_before(
    idps: dict[str, CognitoIdp], kind: Kind
) -> None:
    for idp in idps.values():
        for name in ("alg-none-unsigned", "signed-by-another", "kid-path", "jku", "expired"):
            with pytest.raises(TokenVerificationError):
                verified(idp, kind, FORGERIES[name].make(kind))
            assert verified(idp, kind, good(kind)).groups == ("clerks",)


@case_table(ODD_BUT_GOOD)
def test_an_odd_token_of_the_pool_verifies(
    idps: dict[str, CognitoIdp], kind: Kind, forgery: Forgery
) -> None:
    odd = forgery.make(kind)

    for idp in idps.values():
        claims = verified(idp, kind, odd)
        assert (claims.username, claims.issuer) == ("ada", ISSUER)
        assert claims.claims["token_use"] == kind


@pytest.mark.parametrize("kind", BOTH)
def test_a_token_cut_anywhere_is_refused(steady: CognitoIdp, kind: Kind) -> None:
    whole = good(kind)

    for length in range(len(whole)):
        with pytest.raises((TokenMalformedError, TokenSignatureError)):
            verified(steady, kind, whole[:length])
        with pytest.raises(TokenVerificationError):
            verified(steady, kind, whole[len(whole) - length :])


@pytest.mark.parametrize("kind", BOTH)
def test_padding_never_changes_the_claims(steady: CognitoIdp, kind: Kind) -> None:
    # RFC 7515 knows no padding, but AWS's load balancers write it, and PyJWT reads it: behind the
    # signature the token stays the same; in the other parts it is among what was not signed.
    parts = good(kind).split(".")
    expected = verified(steady, kind, ".".join(parts))

    for at in range(3):
        padded = [*parts]
        padded[at] += "=" * (-len(padded[at]) % 4)
        try:
            assert verified(steady, kind, ".".join(padded)) == expected
        except TokenVerificationError as error:
            assert type(error) in (TokenSignatureError, TokenMalformedError)  # noqa: PT017  # either


@pytest.mark.parametrize("kind", BOTH)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_changed_character_changes_the_claims(
    steady: CognitoIdp, kind: Kind, data: st.DataObject
) -> None:
    whole = good(kind)
    at = data.draw(st.integers(0, len(whole) - 1))
    character = data.draw(st.sampled_from(ALPHABET + ".=+/ \n") | st.characters())
    changed = whole[:at] + character + whole[at + 1 :]

    try:
        claims = verified(steady, kind, changed)
    except TokenVerificationError:
        return
    assert claims == verified(steady, kind, whole)


@pytest.mark.parametrize("kind", BOTH)
def test_no_last_character_of_a_part_changes_the_claims(steady: CognitoIdp, kind: Kind) -> None:
    # Where base64 has bits to spare, several characters stand for the same octets.
    whole = good(kind)
    expected = verified(steady, kind, whole)
    ends = [at - 1 for at, character in enumerate(whole) if character == "."] + [len(whole) - 1]

    for at in ends:
        for character in ALPHABET.replace(whole[at], ""):
            changed = whole[:at] + character + whole[at + 1 :]
            try:
                assert verified(steady, kind, changed) == expected
            except TokenVerificationError:
                continue


@pytest.mark.parametrize("kind", BOTH)
@settings(max_examples=150, deadline=None)
@given(text=st.text() | st.text(ALPHABET + ".=", max_size=200) | st.binary().map(b64))
def test_no_text_is_worth_another_error(steady: CognitoIdp, kind: Kind, text: str) -> None:
    with pytest.raises(TokenVerificationError):
        verified(steady, kind, text)


JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([10**11, 10**13, 10**17, -(10**17), 2**63, 10**400])
    | st.floats()
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)
CLAIMS: Final = [
    "iss",
    "sub",
    "token_use",
    "exp",
    "iat",
    "nbf",
    "auth_time",
    "aud",
    "client_id",
    "jti",
    "scope",
    "username",
    "cognito:username",
    "email",
    "email_verified",
    "cognito:groups",
    "cognito:roles",
    "cognito:preferred_role",
]


@pytest.mark.parametrize("kind", BOTH)
@settings(max_examples=200, deadline=None)
@given(claims=st.dictionaries(st.sampled_from(CLAIMS), JSON, min_size=1, max_size=3))
def test_no_claim_is_worth_another_error(
    steady: CognitoIdp, kind: Kind, claims: dict[str, Any]
) -> None:
    try:
        found = verified(steady, kind, token(header(), payload(kind, **claims)))
    except TokenVerificationError:
        return
    assert found.claims["token_use"] == kind
    assert found.issuer == ISSUER


@pytest.mark.parametrize("kind", BOTH)
@settings(max_examples=150, deadline=None)
@given(
    fields=st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "crit", "b64", "zip", "jku", "jwk"]), JSON
    )
)
def test_no_header_is_worth_another_error(
    steady: CognitoIdp, kind: Kind, fields: dict[str, Any]
) -> None:
    forged = token(header(**fields), payload(kind), lambda message: rs256(message, ATTACKERS_KEY))

    with pytest.raises(TokenVerificationError):
        verified(steady, kind, forged)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"exp": -9}, None),
        ({"exp": -10}, TokenExpiredError),
        ({"exp": -9.5}, TokenExpiredError),  # fractions of a second do not count
        ({"iat": 10}, None),
        ({"iat": 10.9}, None),
        ({"iat": 11}, TokenVerificationError),
        ({"nbf": 10}, None),
        ({"nbf": 11}, TokenVerificationError),
    ],
    ids=str,
)
def test_the_leeway_ends_to_the_second(
    steady: CognitoIdp,
    monkeypatch: pytest.MonkeyPatch,
    kind: Kind,
    claims: dict[str, float],
    error: type[TokenVerificationError] | None,
) -> None:
    now = 1_800_000_000

    class Frozen(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Frozen":
            return cls.fromtimestamp(now, tz=tz)

    # The clock that PyJWT compares with: it cannot be handed in.
    monkeypatch.setattr("jwt.api_jwt.datetime", Frozen)
    times: dict[str, float] = {"iat": now, "auth_time": now, "exp": now + 3600}
    times |= {name: now + seconds for name, seconds in claims.items()}
    text = token(header(), payload(kind, **times))

    if error is None:
        assert verified(steady, kind, text).username == "ada"
    else:
        with pytest.raises(TokenVerificationError) as caught:
            verified(steady, kind, text)
        assert caught.type is error


@pytest.mark.parametrize("kind", BOTH)
def test_a_thousand_unknown_keys_are_one_fetch(kind: Kind) -> None:
    with KeyServer() as server:
        idp = idp_of(server)
        rest = good(kind).split(".", 1)[1]
        for number in range(1000):
            with pytest.raises(UnknownKeyError):
                verified(idp, kind, f"{part(header(kid=f'unknown-{number}'))}.{rest}")
        assert verified(idp, kind, good(kind)).username == "ada"

    assert server.paths == ["/keys"]


@pytest.mark.parametrize("kind", BOTH)
def test_a_thousand_unknown_keys_are_no_fetch_while_the_server_is_down(
    steady: CognitoIdp, kind: Kind
) -> None:
    rest = good(kind).split(".", 1)[1]

    for number in range(1000):
        with pytest.raises(UnknownKeyError):
            verified(steady, kind, f"{part(header(kid=f'unknown-{number}'))}.{rest}")
    assert verified(steady, kind, good(kind)).username == "ada"


def test_a_header_that_is_no_good_asks_for_no_keys() -> None:
    with KeyServer() as server:
        idp = idp_of(server)
        for name, forgery in FORGERIES.items():
            if name.startswith(("alg-", "hs256-", "kid-", "header-", "jwe")):
                for kind in forgery.kinds if forgery.error is not UnknownKeyError else ():
                    with pytest.raises(forgery.error):
                        verified(idp, kind, forgery.make(kind))

    assert server.paths == []


def at_hash(text: str) -> str:
    return b64(hashlib.sha256(text.encode()).digest()[:16])


ACCESS: Final = good("access")


@pytest.mark.parametrize(
    "found",
    [
        ...,
        None,
        "",
        "AQAB",
        at_hash(ACCESS + "x"),
        at_hash(token(header(), payload("access", sub="eve"))),
        at_hash(ACCESS) + "=",
        at_hash(ACCESS)[:-1],
        at_hash(ACCESS).swapcase(),
        b64(hashlib.sha256(ACCESS.encode()).digest()),
        b64(hashlib.sha512(ACCESS.encode()).digest()[:32]),
        hashlib.sha256(ACCESS.encode()).hexdigest()[:32],
        [at_hash(ACCESS)],
        True,
        "\ud800",
    ],
    ids=[
        "missing",
        "null",
        "blank",
        "other",
        "longer",
        "of-another",
        "padded",
        "cut",
        "case",
        "whole",
        "sha512",
        "hex",
        "list",
        "true",
        "surrogate",
    ],
)
def test_an_at_hash_of_another_access_token_is_refused(steady: CognitoIdp, found: Any) -> None:
    text = token(header(), payload("id", at_hash=found))

    with pytest.raises(TokenVerificationError, match="at_hash"):
        steady.verify_id_token(text, access_token=ACCESS)


def test_an_at_hash_counts_only_where_the_access_token_is_told(steady: CognitoIdp) -> None:
    right = token(header(), payload("id", at_hash=at_hash(ACCESS)))

    assert steady.verify_id_token(right, access_token=ACCESS).username == "ada"
    assert steady.verify_id_token(good("id")).username == "ada"
    for other in ("", " ", ACCESS + "=", ACCESS[:-1], "\ud800", "é"):
        with pytest.raises(TokenVerificationError, match="at_hash"):
            steady.verify_id_token(right, access_token=other)


@pytest.mark.parametrize("found", [..., None, "", "n-2", "N-1", "n-1 ", ["n-1"], True, 1], ids=str)
def test_another_nonce_is_refused(steady: CognitoIdp, found: Any) -> None:
    with pytest.raises(TokenVerificationError, match="nonce"):
        steady.verify_id_token(token(header(), payload("id", nonce=found)), nonce="n-1")


def test_a_blank_nonce_is_none_that_a_token_without_one_has(steady: CognitoIdp) -> None:
    with pytest.raises(TokenVerificationError, match="nonce"):
        steady.verify_id_token(token(header(), payload("id", nonce=...)), nonce="")
    assert steady.verify_id_token(good("id"), nonce="n-1").username == "ada"


@pytest.mark.parametrize(
    "found",
    [
        *(..., None, "", "orders", "orders/readwrite", "xorders/read", "ORDERS/READ"),
        *("orders/read,x", ["orders/read"], {"orders/read": 1}, True, 7),
    ],
    ids=str,
)
def test_a_scope_that_was_not_given_is_refused(steady: CognitoIdp, found: Any) -> None:
    text = token(header(), payload("access", scope=found))

    with pytest.raises(TokenScopeError):
        steady.verify_access_token(text, scopes=["orders/read"])
    assert steady.verify_access_token(good("access"), scopes=["orders/read"]).username == "ada"


@pytest.mark.parametrize(
    "found",
    [
        *(..., None, "", "clerk", "clerks", "clerks,admins", [], ["Clerks"], ["clerks "]),
        *(["clerk"], [["clerks"]], {"clerks": 1}, [{"clerks": 1}], True, 7),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", BOTH)
def test_a_group_that_the_user_is_not_in_is_refused(
    steady: CognitoIdp, kind: Kind, found: Any
) -> None:
    verify: Any = steady.verify_id_token if kind == "id" else steady.verify_access_token
    text = token(header(), payload(kind, **{"cognito:groups": found}))

    with pytest.raises(TokenScopeError):
        verify(text, groups=["clerks"])
    assert verify(good(kind), groups=["clerks"]).username == "ada"


@pytest.mark.parametrize("name", ["scope", "cognito:groups"])
def test_nothing_is_no_scope_and_no_group(steady: CognitoIdp, name: str) -> None:
    text = token(header(), payload("access", **{name: None}))
    claims = steady.verify_access_token(text)

    assert not (claims.scopes if name == "scope" else claims.groups)


@pytest.mark.parametrize("names", [b"", b"clerks", [["clerks"]], [None], [7]], ids=str)
def test_groups_asked_for_are_text(steady: CognitoIdp, names: Any) -> None:
    with pytest.raises((InvalidInputError, TokenScopeError)):
        steady.verify_id_token(good("id"), groups=names)


@pytest.mark.parametrize("kind", BOTH)
def test_a_private_key_published_by_mistake_is_no_crash(kind: Kind) -> None:
    numbers = POOL_KEY.private_numbers()
    private = [
        jwk(
            **{
                name: b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))
                for name, value in {
                    "d": numbers.d,
                    "p": numbers.p,
                    "q": numbers.q,
                    "dp": numbers.dmp1,
                    "dq": numbers.dmq1,
                    "qi": numbers.iqmp,
                }.items()
            }
        )
    ]
    with KeyServer() as server, suppress(CognitoError):
        server.keys = private
        assert verified(idp_of(server), kind, good(kind)).username == "ada"
