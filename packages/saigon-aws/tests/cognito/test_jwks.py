import base64
import gzip
import json
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from saigon.aws.cognito._tokens.jwks import JwksClient
from saigon.aws.cognito.exceptions import JwksUnavailableError, UnknownKeyError

PATIENCE: Final = 20.0
"""Seconds until a test gives up waiting; none waits for it where the code is right."""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(loopback: Any, signer: Any, clock: Clock) -> JwksClient:
    loopback.default = (200, signer.jwks)
    return JwksClient(loopback.url, lifespan=300, cooldown=30, timeouts=(5, 5), clock=clock)


def test_making_it_fetches_nothing(keys: JwksClient, loopback: Any) -> None:
    assert loopback.requests == []


def test_a_key_is_fetched_once_for_its_lifespan(
    keys: JwksClient, loopback: Any, signer: Any, clock: Clock
) -> None:
    for _ in range(10):
        assert keys.key(signer.kid).key_id == signer.kid
    assert len(loopback.requests) == 1

    clock.now += 301
    keys.key(signer.kid)
    assert len(loopback.requests) == 2


def test_a_thousand_unknown_keys_are_one_fetch(keys: JwksClient, loopback: Any) -> None:
    for number in range(1000):
        with pytest.raises(UnknownKeyError):
            keys.key(f"unknown-{number}")

    assert len(loopback.requests) == 1


def test_a_new_key_is_found_after_the_cooldown(
    keys: JwksClient, loopback: Any, signer: Any, make_signer: Callable[[str], Any], clock: Clock
) -> None:
    keys.key(signer.kid)
    new = make_signer("key-2")
    loopback.default = (200, {"keys": [signer.jwk, new.jwk]})

    with pytest.raises(UnknownKeyError):
        keys.key("key-2")
    clock.now += 31

    assert keys.key("key-2").key_id == "key-2"
    assert len(loopback.requests) == 2


def test_a_key_that_is_gone_is_gone(
    keys: JwksClient, loopback: Any, signer: Any, make_signer: Callable[[str], Any], clock: Clock
) -> None:
    keys.key(signer.kid)
    loopback.default = (200, make_signer("key-2").jwks)
    clock.now += 301

    with pytest.raises(UnknownKeyError):
        keys.key(signer.kid)


@pytest.mark.parametrize(
    "outage",
    [
        (500, b"down"),
        (404, {"keys": []}),
        (200, b"<html>"),
        (200, b"[" * 100_000),
        (200, []),
        (200, {"keys": []}),
        (200, b"x" * 1_000_001),
        (302, b""),
        None,
    ],
    ids=["500", "404", "html", "deep", "list", "no-keys", "huge", "redirect", "closed"],
)
def test_the_last_good_set_outlives_an_outage(
    keys: JwksClient, loopback: Any, signer: Any, clock: Clock, outage: Any
) -> None:
    keys.key(signer.kid)
    loopback.default = outage
    loopback.headers = {"Location": f"{loopback.url}/elsewhere"}
    clock.now += 301

    for _ in range(5):
        assert keys.key(signer.kid).key_id == signer.kid

    assert len(loopback.requests) == 2, "the endpoint that is down was asked too often"
    assert {request["path"] for request in loopback.requests} == {"/"}
    loopback.default, loopback.headers = (200, signer.jwks), {}
    clock.now += 31
    keys.key(signer.kid)
    assert len(loopback.requests) == 3


def test_without_any_keys_it_says_so_and_recovers(
    keys: JwksClient, loopback: Any, signer: Any, clock: Clock
) -> None:
    loopback.default = (503, b"down")

    for _ in range(5):
        with pytest.raises(JwksUnavailableError):
            keys.key(signer.kid)
    assert len(loopback.requests) == 1

    loopback.default = (200, signer.jwks)
    clock.now += 2
    assert keys.key(signer.kid).key_id == signer.kid


def test_threads_share_one_fetch(keys: JwksClient, loopback: Any, signer: Any) -> None:
    found: list[str | None] = []
    threads = [
        threading.Thread(target=lambda: found.append(keys.key(signer.kid).key_id)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [signer.kid] * 8
    assert len(loopback.requests) == 1


@pytest.mark.parametrize("change", [{"use": "enc"}, {"kty": "oct", "k": "c2VjcmV0"}])
def test_only_rsa_signing_keys_count(
    keys: JwksClient, loopback: Any, signer: Any, make_signer: Any, change: dict[str, str]
) -> None:
    other = make_signer("other").jwk
    if change.get("kty"):
        other = {"kid": "other", "alg": "HS256", "use": "sig"}
    loopback.default = (200, {"keys": [{**other, **change}, signer.jwk]})

    with pytest.raises(UnknownKeyError):
        keys.key("other")
    assert keys.key(signer.kid).key_id == signer.kid


class Endpoint:
    """A key endpoint that sends the very bytes it is told to, and may hold some of them back."""

    def __init__(self) -> None:
        self.answer = b""
        self.held_back = b""
        self.holds = False
        self.asked = 0
        self.reached = threading.Event()
        self.released = threading.Event()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                endpoint.asked += 1
                with suppress(ConnectionError):  # whom the answer is too long for, hangs up
                    self.wfile.write(endpoint.answer)
                    if endpoint.holds:
                        endpoint.reached.set()
                        endpoint.released.wait(PATIENCE)
                        self.wfile.write(endpoint.held_back)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
                """Keep silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(0.002,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/keys"

    def hold(self, before: bytes = b"", after: bytes = b"") -> None:
        """From now on send the one part at once, and the other when released."""
        self.answer, self.held_back, self.holds = before, after, True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as server:
        yield server


@pytest.fixture
def raw_keys(endpoint: Endpoint, clock: Clock) -> JwksClient:
    """A client that would rather wait for longer than a test does."""
    timeouts = (PATIENCE * 2, PATIENCE * 2)
    return JwksClient(endpoint.url, lifespan=300, cooldown=30, timeouts=timeouts, clock=clock)


@pytest.fixture
def hasty_keys(endpoint: Endpoint, clock: Clock) -> JwksClient:
    """A client that gives up at once; nothing sent by a server at hand is as slow."""
    return JwksClient(endpoint.url, lifespan=300, cooldown=30, timeouts=(5, 0.2), clock=clock)


def http(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.0 {status}", *headers, f"Content-Length: {length or len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """Return an answer in chunks, as HTTP/1.1 has them, by hand."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks) + end


def as_json(value: Any) -> bytes:
    return http(json.dumps(value).encode())


def number(value: int) -> str:
    octets = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def public_jwk(kid: Any = "odd", **changes: Any) -> dict[str, Any]:
    numbers = KEY.public_key().public_numbers()
    own = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid}
    jwk = {**own, "n": number(numbers.n), "e": number(numbers.e), **changes}
    return {name: value for name, value in jwk.items() if value is not ...}


KEY: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_POINT: Final = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
EC_JWK: Final = {
    "kty": "EC",
    "crv": "P-256",
    "kid": "odd",
    "x": number(_POINT.x),
    "y": number(_POINT.y),
}
OCT_JWK: Final = {"kty": "oct", "kid": "odd", "k": number(2**255)}
GOOD_SET: Final = json.dumps({"keys": [public_jwk("good")]}).encode()
BOMB: Final = gzip.compress(gzip.compress(b" " * 50_000_000, 9), 9)

ODD_KEYS: Final[dict[str, Any]] = {
    "number": 7,
    "null": None,
    "list": [],
    "text": "key",
    "empty": {},
    "ec": EC_JWK,
    "oct": OCT_JWK,
    "oct-without-k": {"kty": "oct", "kid": "odd"},
    "okp": {"kty": "OKP", "crv": "Ed25519", "kid": "odd", "x": number(2**255)},
    "unknown-kty": {"kty": "AKP", "alg": "ML-DSA-44", "kid": "odd", "pub": "AQAB"},
    "kty-list": public_jwk(kty=["RSA"]),
    "alg-none": public_jwk(alg="none"),
    "alg-unknown": public_jwk(alg="RS1024"),
    "alg-hmac": public_jwk(alg="HS256"),
    "alg-list": public_jwk(alg=["RS256"]),
    "alg-object": public_jwk(alg={"name": "RS256"}),
    "for-encryption": public_jwk(use="enc"),
    "without-kid": public_jwk(kid=...),
    "kid-null": public_jwk(kid=None),
    "kid-blank": public_jwk(kid=""),
    "n-number": public_jwk(n=7),
    "n-missing": public_jwk(n=...),
    "n-blank": public_jwk(n=""),
    "n-surrogate": public_jwk(n="\ud800"),
    "n-no-base64": public_jwk(n="a"),
    "e-one": public_jwk(e="AQ"),
    "e-list": public_jwk(e=["AQAB"]),
}

UNUSABLE: Final[dict[str, bytes]] = {
    **{f"only-{name}": as_json({"keys": [key]}) for name, key in ODD_KEYS.items()},
    "keys-object": as_json({"keys": {}}),
    "keys-full-object": as_json({"keys": public_jwk()}),
    "keys-text": as_json({"keys": "x"}),
    "keys-number": as_json({"keys": 7}),
    "keys-true": as_json({"keys": True}),
    "keys-null": as_json({"keys": None}),
    "keys-deep": http(b'{"keys":' + b"[" * 900 + b"]" * 900 + b"}"),
    "keys-deepest": http(b'{"keys":' + b'{"a":' * 100_000),
    "no-keys": as_json({"key": [public_jwk()]}),
    "bare-key": as_json(public_jwk()),
    "bare-list": as_json([public_jwk()]),
    "text": as_json("x"),
    "nan": http(b"NaN"),
    "endless-number": http(b'{"keys": %s}' % (b"9" * 10_000)),
    "nothing": http(b""),
    "no-utf-8": http(b'{"keys": ["\xff\xfe"]}'),
    "cut": http(GOOD_SET[:-2]),
    "too-large": http(GOOD_SET + b" " * 1_000_000),
    "204": http(b"", status="204 No Content"),
    "206": http(GOOD_SET, status="206 Partial Content"),
    "304": http(b"", status="304 Not Modified"),
    "301": http(GOOD_SET, "Location: /elsewhere", status="301 Moved Permanently"),
    "307": http(GOOD_SET, "Location: //[", status="307 Temporary Redirect"),
    "401": http(GOOD_SET, 'WWW-Authenticate: Basic realm="x"', status="401 Unauthorized"),
    "500": http(GOOD_SET, status="500 Internal Server Error"),
    "gzip-bomb": http(gzip.compress(b" " * 50_000_000, 9), "Content-Encoding: gzip"),
    "gzip-bomb-twice": http(BOMB, "Content-Encoding: gzip, gzip"),
    "gzip-of-nothing": http(b"", "Content-Encoding: gzip"),
    "gzip-cut": http(gzip.compress(GOOD_SET)[:-20], "Content-Encoding: gzip"),
    "gzip-not": http(GOOD_SET, "Content-Encoding: gzip"),
    "deflate-not": http(GOOD_SET, "Content-Encoding: deflate"),
    "encoded-endlessly": http(GOOD_SET, f"Content-Encoding: {'gzip, ' * 1000}gzip"),
    "chunked-cut": chunked(GOOD_SET[:20], end=b""),
    "chunk-cut": chunked(GOOD_SET[:20], end=b"ff\r\nabc"),
    "chunk-size-no-number": chunked(GOOD_SET[:20], end=b"zz\r\nabc\r\n"),
    "chunk-size-negative": chunked(GOOD_SET[:20], end=b"-5\r\nabc\r\n"),
    "shorter-than-told": http(GOOD_SET, length=len(GOOD_SET) + 10),
    "much-shorter-than-told": http(GOOD_SET[:20], length=len(GOOD_SET)),
    "no-http": b"\x00\x01\x02 no HTTP at all",
    "no-status": b"HTTP/1.1 banana\r\n\r\n",
    "endless-line": b"HTTP/1.1 200 " + b"x" * 100_000,
    "too-many-headers": http(GOOD_SET, *(f"X-{number}: 1" for number in range(200))),
    "hang-up": b"",
}

USABLE: Final[dict[str, bytes]] = {
    "wrong-type": http(GOOD_SET, "Content-Type: text/html"),
    "wrong-charset": http(GOOD_SET, "Content-Type: application/json; charset=banana"),
    "bom": http(b"\xef\xbb\xbf" + GOOD_SET),
    "utf-16": http(GOOD_SET.decode().encode("utf-16")),
    "spaces": http(b"\r\n\t " * 1000 + GOOD_SET),
    "gzip": http(gzip.compress(GOOD_SET), "Content-Encoding: gzip"),
    "deflate": http(zlib.compress(GOOD_SET), "Content-Encoding: deflate"),
    "chunked": chunked(GOOD_SET[:7], GOOD_SET[7:50], GOOD_SET[50:]),
    "chunked-by-byte": chunked(*(GOOD_SET[at : at + 1] for at in range(len(GOOD_SET)))),
    "until-the-end": b"HTTP/1.0 200 OK\r\n\r\n" + GOOD_SET,
    "more-members": as_json({"keys": [public_jwk("good", x5c=["AQAB"], more={})], "more": []}),
    "without-alg-and-use": as_json({"keys": [public_jwk("good", alg=..., use=...)]}),
    **{
        f"beside-{name}": as_json({"keys": [key, public_jwk("good")]})
        for name, key in ODD_KEYS.items()
    },
}


def case_table(answers: dict[str, bytes]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "answer", [pytest.param(answer, id=name) for name, answer in answers.items()]
    )


@case_table(UNUSABLE)
def test_an_unusable_answer_is_the_endpoints_fault(
    raw_keys: JwksClient, endpoint: Endpoint, clock: Clock, answer: bytes
) -> None:
    endpoint.answer = answer

    for kid in ("odd", "good", "odd"):
        with pytest.raises(JwksUnavailableError) as caught:
            raw_keys.key(kid)
        assert caught.value.retryable
    assert endpoint.asked == 1

    endpoint.answer = http(GOOD_SET)
    clock.now += 2
    assert raw_keys.key("good").key_id == "good"


@case_table(UNUSABLE)
def test_an_unusable_answer_replaces_no_good_set(
    raw_keys: JwksClient, endpoint: Endpoint, clock: Clock, answer: bytes
) -> None:
    endpoint.answer = http(GOOD_SET)
    good = raw_keys.key("good")
    endpoint.answer = answer
    clock.now += 301

    assert [raw_keys.key("good") for _ in range(3)] == [good] * 3
    with pytest.raises(UnknownKeyError):
        raw_keys.key("odd")
    assert endpoint.asked == 2, "an endpoint that fails is asked once in the cooldown"

    clock.now += 31
    with pytest.raises(UnknownKeyError):
        raw_keys.key("odd")
    assert raw_keys.key("good") is good
    assert endpoint.asked == 3


@case_table(USABLE)
def test_an_odd_but_usable_answer_is_used(
    raw_keys: JwksClient, endpoint: Endpoint, answer: bytes
) -> None:
    endpoint.answer = answer

    assert raw_keys.key("good").key_id == "good"
    with pytest.raises(UnknownKeyError):
        raw_keys.key("odd")


@pytest.mark.parametrize("name", ["gzip-bomb", "gzip-bomb-twice"])
def test_a_gzip_bomb_is_not_unpacked(raw_keys: JwksClient, endpoint: Endpoint, name: str) -> None:
    endpoint.answer = UNUSABLE[name]
    tracemalloc.start()
    try:
        with pytest.raises(JwksUnavailableError):
            raw_keys.key("good")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 10_000_000, "50 MB of spaces were unpacked"


def test_nobody_with_a_cached_key_waits_for_a_renewal_that_hangs(
    raw_keys: JwksClient, endpoint: Endpoint, clock: Clock
) -> None:
    endpoint.answer = http(GOOD_SET)
    good = raw_keys.key("good")
    endpoint.hold(after=http(GOOD_SET))
    clock.now += 301

    with ThreadPoolExecutor(21) as pool:
        try:
            renewing = pool.submit(raw_keys.key, "good")
            assert endpoint.reached.wait(PATIENCE)
            others = [pool.submit(raw_keys.key, "good") for _ in range(20)]
            found = [other.result(PATIENCE) for other in others]
            assert not renewing.done()
        finally:
            endpoint.released.set()
        renewed = renewing.result(PATIENCE)

    assert found == [good] * 20
    assert renewed is not good
    assert raw_keys.key("good") is renewed
    assert endpoint.asked == 2


def test_nobody_with_a_cached_key_waits_for_a_fetch_for_an_unknown_one(
    raw_keys: JwksClient, endpoint: Endpoint, clock: Clock
) -> None:
    endpoint.answer = http(GOOD_SET)
    good = raw_keys.key("good")
    endpoint.hold(after=http(GOOD_SET))
    clock.now += 31

    with ThreadPoolExecutor(1) as pool:
        try:
            looking = pool.submit(raw_keys.key, "unknown")
            assert endpoint.reached.wait(PATIENCE)
            assert raw_keys.key("good") is good
            assert not looking.done()
        finally:
            endpoint.released.set()
        with pytest.raises(UnknownKeyError):
            looking.result(PATIENCE)

    assert endpoint.asked == 2


def test_who_asks_for_an_unknown_key_does_not_wait_for_all_of_a_fetch_that_hangs(
    raw_keys: JwksClient, endpoint: Endpoint, clock: Clock
) -> None:
    endpoint.answer = http(GOOD_SET)
    raw_keys.key("good")
    endpoint.hold(after=http(GOOD_SET))
    clock.now += 31

    with ThreadPoolExecutor(21) as pool:
        try:
            first = pool.submit(raw_keys.key, "unknown")
            assert endpoint.reached.wait(PATIENCE)
            others = [pool.submit(raw_keys.key, f"unknown-{n}") for n in range(20)]
            # It may be a new key, so that it is not the token's fault.
            assert {type(each.exception(PATIENCE)) for each in others} == {JwksUnavailableError}
            assert not first.done()
        finally:
            endpoint.released.set()

    assert endpoint.asked == 2


def test_a_key_that_is_too_short_is_none(raw_keys: JwksClient, endpoint: Endpoint) -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    weak = public_jwk("weak", n=number(short.public_numbers().n))
    endpoint.answer = as_json({"keys": [weak, public_jwk("good")]})

    assert raw_keys.key("good").key_id == "good"
    with pytest.raises(UnknownKeyError):
        raw_keys.key("weak")


def test_a_set_that_comes_late_still_counts(
    raw_keys: JwksClient, endpoint: Endpoint, clock: Clock
) -> None:
    endpoint.answer = http(GOOD_SET)
    raw_keys.key("good")
    endpoint.hold(after=as_json({"keys": [public_jwk("good"), public_jwk("new")]}))
    clock.now += 31

    with ThreadPoolExecutor(2) as pool:
        try:
            first = pool.submit(raw_keys.key, "new")
            assert endpoint.reached.wait(PATIENCE)
            second = pool.submit(raw_keys.key, "new")
        finally:
            endpoint.released.set()
        assert first.result(PATIENCE) is second.result(PATIENCE)

    assert endpoint.asked == 2


@pytest.mark.parametrize("kid", ["good", "unknown"])
def test_fifty_threads_without_keys_share_one_fetch(
    raw_keys: JwksClient, endpoint: Endpoint, kid: str
) -> None:
    endpoint.hold(after=http(GOOD_SET))
    ready = threading.Barrier(51)

    def look() -> str | None:
        ready.wait(PATIENCE)
        try:
            return raw_keys.key(kid).key_id
        except UnknownKeyError:
            return "unknown"

    with ThreadPoolExecutor(50) as pool:
        try:
            asked = [pool.submit(look) for _ in range(50)]
            ready.wait(PATIENCE)
            assert endpoint.reached.wait(PATIENCE)
        finally:
            endpoint.released.set()
        found = [each.result(PATIENCE) for each in asked]

    assert found == [kid] * 50
    assert endpoint.asked == 1


@pytest.mark.parametrize(
    "sent", [b"", http(GOOD_SET)[:-20]], ids=["before-the-answer", "within-the-answer"]
)
def test_one_thread_alone_waits_for_the_time_out(
    hasty_keys: JwksClient, endpoint: Endpoint, sent: bytes
) -> None:
    endpoint.hold(before=sent)
    ready = threading.Barrier(10)

    def look() -> type[Exception]:
        ready.wait(PATIENCE)
        with pytest.raises(JwksUnavailableError) as caught:
            hasty_keys.key("good")
        return caught.type

    with ThreadPoolExecutor(10) as pool:
        found = [each.result(PATIENCE) for each in [pool.submit(look) for _ in range(10)]]

    assert found == [JwksUnavailableError] * 10
    assert endpoint.asked == 1


@pytest.mark.parametrize(
    "sent", [b"", http(GOOD_SET)[:-20]], ids=["before-the-answer", "within-the-answer"]
)
def test_a_renewal_that_times_out_keeps_the_keys(
    hasty_keys: JwksClient, endpoint: Endpoint, clock: Clock, sent: bytes
) -> None:
    endpoint.answer = http(GOOD_SET)
    good = hasty_keys.key("good")
    endpoint.hold(before=sent)
    clock.now += 301

    assert hasty_keys.key("good") is good
    assert hasty_keys.key("good") is good
    assert endpoint.asked == 2
