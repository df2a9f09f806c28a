"""The proof is checked by the strict pool's server, written from RFC 5054 and AWS's description."""

import base64
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from saigon.aws.cognito._sign_in.srp import SrpProof, new_device_verifier
from saigon.aws.cognito.exceptions import CognitoError

REALM = "AbCdEfGhI"
PASSWORDS = ["Passw0rd!x", "Pä ss0rd!ß ", "e\u0301", "é", "密码🔑", "a:b", "\u200bx", "x" * 256]

MakeServer = Callable[..., Any]


def prove(password: str, make_server: MakeServer, *, known: str | None = None) -> bool:
    """Tell whether a server that knows a password accepts the proof of it."""
    proof = SrpProof(realm=REALM, password=password)
    server = make_server(f"{REALM}ada", known or password, int(proof.public_value, 16))
    answer = proof.answer(parameters(server), now=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))
    assert answer["TIMESTAMP"] == "Wed Mar 4 05:06:07 UTC 2026"
    assert answer["PASSWORD_CLAIM_SECRET_BLOCK"] == base64.b64encode(server.block).decode()
    accepted: bool = server.accepts(answer["PASSWORD_CLAIM_SIGNATURE"], answer["TIMESTAMP"])
    return accepted


def parameters(server: Any) -> dict[str, str]:
    return {
        "USER_ID_FOR_SRP": "ada",
        "USERNAME": "ada",
        "SALT": f"{server.salt:x}",
        "SRP_B": f"{server.public:x}",
        "SECRET_BLOCK": base64.b64encode(server.block).decode(),
    }


# Many times, because a padding mistake shows in a few of the numbers only.
@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize("password", PASSWORDS, ids=ascii)
def test_the_right_password_is_proved(
    make_srp_server: MakeServer, password: str, attempt: int
) -> None:
    assert prove(password, make_srp_server)


@pytest.mark.parametrize("password", PASSWORDS, ids=ascii)
def test_a_wrong_password_is_not(make_srp_server: MakeServer, password: str) -> None:
    for other in ("Passw0rd!y", password + " ", password[::-1] + "x"):
        assert not prove(password, make_srp_server, known=other)


def test_the_same_letters_of_other_code_points_are_another_password(
    make_srp_server: MakeServer,
) -> None:
    assert not prove("é", make_srp_server, known="e\u0301")


def test_each_attempt_has_its_own_value() -> None:
    values = {SrpProof(realm=REALM, password="x").public_value for _ in range(3)}
    verifiers = [new_device_verifier(device_group_key="g", device_key="d") for _ in range(3)]

    assert len(values) == 3
    assert len({each.password for each in verifiers}) == 3
    assert len({each.config["Salt"] for each in verifiers}) == 3


@pytest.mark.parametrize("factor", [0, 1, 2, 7])
def test_a_value_that_would_give_the_password_away_is_refused(
    make_srp_server: MakeServer, prime: int, factor: int
) -> None:
    proof = SrpProof(realm=REALM, password="Passw0rd!x")
    server = make_srp_server(f"{REALM}ada", "Passw0rd!x", int(proof.public_value, 16))
    weak = {**parameters(server), "SRP_B": f"{factor * prime:x}"}

    with pytest.raises(CognitoError, match="PASSWORD_VERIFIER"):
        proof.answer(weak, now=datetime.now(UTC))


def test_nothing_is_sent_after_such_a_value(
    scripted: Any, loopback: Any, signer: Any, prime: int
) -> None:
    weak = {
        "USER_ID_FOR_SRP": "ada",
        "SALT": "1",
        "SRP_B": f"{prime:x}",
        "SECRET_BLOCK": base64.b64encode(secrets.token_bytes(100)).decode(),
    }
    loopback.answers = [
        (200, {"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": weak}),
        (200, signer.result()),
    ]

    with pytest.raises(CognitoError, match="PASSWORD_VERIFIER"):
        scripted(auth_flow="USER_SRP_AUTH").login_user("ada", "Passw0rd!x")

    assert [each["operation"] for each in loopback.requests] == ["InitiateAuth"]


@pytest.mark.parametrize(
    "change",
    [
        {"SRP_B": "nonsense"},
        {"SRP_B": ""},
        {"SRP_B": None},
        {"SALT": "nonsense"},
        {"SALT": ""},
        {"SECRET_BLOCK": "x"},
    ],
    ids=str,
)
def test_a_challenge_that_makes_no_sense_is_refused(
    make_srp_server: MakeServer, change: dict[str, Any]
) -> None:
    proof = SrpProof(realm=REALM, password="Passw0rd!x")
    server = make_srp_server(f"{REALM}ada", "Passw0rd!x", int(proof.public_value, 16))

    with pytest.raises(CognitoError, match="PASSWORD_VERIFIER"):
        proof.answer({**parameters(server), **change}, now=datetime.now(UTC))


@pytest.mark.parametrize("missing", ["USER_ID_FOR_SRP", "SALT", "SRP_B", "SECRET_BLOCK"])
def test_a_challenge_that_lacks_a_value_is_refused(
    make_srp_server: MakeServer, missing: str
) -> None:
    proof = SrpProof(realm=REALM, password="Passw0rd!x")
    given = parameters(make_srp_server(f"{REALM}ada", "x", int(proof.public_value, 16)))
    del given[missing]

    with pytest.raises(CognitoError, match="PASSWORD_VERIFIER"):
        proof.answer(given, now=datetime.now(UTC))
