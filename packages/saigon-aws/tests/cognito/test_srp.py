"""The proof is checked by a server written here from RFC 5054 and AWS's description of SRP."""

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import Any

import pytest

from saigon.aws.cognito._sign_in.srp import SrpProof
from saigon.aws.cognito.exceptions import CognitoError

# The 3072-bit group of RFC 3526 is what Cognito uses, with 2 as its generator.
N = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33"
    "A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864"
    "D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2"
    "08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G = 2


def signed(value: int) -> bytes:
    """Give the two's complement of a positive number, as Java's BigInteger does."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


class Server:
    """What Cognito has and does."""

    def __init__(self, user_id: str, password: str) -> None:
        self.user_id = user_id
        self.salt = secrets.randbits(128)
        identity = hashlib.sha256(f"AbCdEfGhI{user_id}:{password}".encode()).digest()
        self.verifier = pow(G, number(signed(self.salt), identity), N)
        self.b = secrets.randbits(256)
        self.k = number(signed(N), signed(G))
        self.public = (self.k * self.verifier + pow(G, self.b, N)) % N
        self.block = secrets.token_bytes(100)

    def parameters(self) -> dict[str, str]:
        return {
            "USER_ID_FOR_SRP": self.user_id,
            "USERNAME": self.user_id,
            "SALT": f"{self.salt:x}",
            "SRP_B": f"{self.public:x}",
            "SECRET_BLOCK": base64.b64encode(self.block).decode(),
        }

    def accepts(self, public_value: str, answer: dict[str, str]) -> bool:
        a = int(public_value, 16)
        u = number(signed(a), signed(self.public))
        shared = pow(a * pow(self.verifier, u, N), self.b, N)
        extracted = hmac.digest(signed(u), signed(shared), "sha256")
        key = hmac.digest(extracted, b"Caldera Derived Key\x01", "sha256")[:16]
        message = b"AbCdEfGhI" + self.user_id.encode() + self.block + answer["TIMESTAMP"].encode()
        expected = base64.b64encode(hmac.digest(key, message, "sha256")).decode()
        return hmac.compare_digest(expected, answer["PASSWORD_CLAIM_SIGNATURE"])


def attempt(password: str) -> SrpProof:
    return SrpProof(realm="AbCdEfGhI", password=password)


# Many times, because a padding mistake shows in a few of the numbers only.
@pytest.mark.parametrize("attempt_number", range(20))
@pytest.mark.parametrize("password", ["Passw0rd!x", "Pä ss0rd!ß "])
def test_the_right_password_is_proved(password: str, attempt_number: int) -> None:
    server, proof = Server("ada", password), attempt(password)

    answer = proof.answer(server.parameters(), now=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))

    assert server.accepts(proof.public_value, answer)
    assert answer["TIMESTAMP"] == "Wed Mar 4 05:06:07 UTC 2026"
    assert answer["PASSWORD_CLAIM_SECRET_BLOCK"] == base64.b64encode(server.block).decode()


def test_a_wrong_password_is_not() -> None:
    server, proof = Server("ada", "Passw0rd!x"), attempt("Passw0rd!y")

    answer = proof.answer(server.parameters(), now=datetime.now(UTC))

    assert not server.accepts(proof.public_value, answer)


def test_each_attempt_has_its_own_value() -> None:
    assert attempt("x").public_value != attempt("x").public_value


@pytest.mark.parametrize(
    "change",
    [
        {"SRP_B": "0"},
        {"SRP_B": f"{N:x}"},
        {"SRP_B": f"{2 * N:x}"},
        {"SRP_B": "nonsense"},
        {"SRP_B": ""},
        {"SALT": "nonsense"},
        {"SALT": ""},
        {"SECRET_BLOCK": "x"},
    ],
)
def test_a_challenge_that_would_give_the_password_away_is_refused(change: dict[str, str]) -> None:
    parameters = {**Server("ada", "Passw0rd!x").parameters(), **change}

    with pytest.raises(CognitoError, match="PASSWORD_VERIFIER"):
        attempt("Passw0rd!x").answer(parameters, now=datetime.now(UTC))


@pytest.mark.parametrize("missing", ["USER_ID_FOR_SRP", "SALT", "SRP_B", "SECRET_BLOCK"])
def test_a_challenge_that_lacks_a_value_is_refused(missing: str) -> None:
    parameters: dict[str, Any] = Server("ada", "Passw0rd!x").parameters()
    del parameters[missing]

    with pytest.raises(CognitoError, match="PASSWORD_VERIFIER"):
        attempt("Passw0rd!x").answer(parameters, now=datetime.now(UTC))
