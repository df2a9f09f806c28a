"""A call over a connection that is kept, by a client of ours and by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

import requests

from saigon.rest.client import RestClientBase
from tools.bench.answer_server import AnswerServer, start_answer_server
from tools.bench.registry import Call, Counts, Pair, bench, same_result
from tools.bench.run import current_run
from tools.bench.sales import Sale, new_body
from tools.bench.signers import by_aws_requests_auth, by_us

_ID: Final = "sale 17"
_UNSIGNED: Final = "/sales/{id}"
_SIGNED: Final = "/signed/{id}"  # where the server wants a signature
_ANSWER: Final = new_body(17)
_TIMEOUT: Final = (5.0, 30.0)  # as ours by default
_CALLS: Final = 100
_REPEATED: Final = 50
_PEER: Final = "requests.Session and model_validate_json by hand"


@bench("calling-get", peer=_PEER, goal="at most 1.1")
@contextmanager
def get() -> Iterator[Pair]:
    """Compare reading a resource of 300 bytes into a model."""
    with requests.Session() as session, _get_against(session) as pair:
        yield pair


@bench("calling-get-lean", peer=f"{_PEER}, without netrc and proxies", goal="none: it reads less")
@contextmanager
def get_without_environment() -> Iterator[Pair]:
    """Compare with a session that looks for no proxy and no password in its environment."""
    with requests.Session() as session:
        session.trust_env = False
        with _get_against(session) as pair:
            yield pair


@contextmanager
def _get_against(session: requests.Session) -> Iterator[Pair]:
    server = _server()
    with RestClientBase(server.url) as client:
        peer = _by_hand(session, server, _UNSIGNED)
        yield same_result(Pair(ours=_read(client, _UNSIGNED), peer=peer))


@bench("calling-post", peer=_PEER, goal="at most 1.1")
@contextmanager
def post() -> Iterator[Pair]:
    """Compare sending a model of 300 bytes, for an answer of as many."""
    server, sale = _server(), Sale.model_validate_json(_ANSWER)
    with RestClientBase(server.url) as client, requests.Session() as session:

        def by_hand() -> Sale:
            response = session.post(
                f"{server.url}/sales",
                data=sale.model_dump_json(by_alias=True).encode(),
                headers={"Content-Type": "application/json"},
                timeout=_TIMEOUT,
            )
            response.raise_for_status()
            return Sale.model_validate_json(response.content)

        yield same_result(
            Pair(ours=lambda: client.create_resource("/sales", sale, Sale), peer=by_hand)
        )


@bench("calling-signed", peer="requests.Session with aws-requests-auth by hand", goal="at most 1.1")
@contextmanager
def signed() -> Iterator[Pair]:
    """Compare reading the same, signed."""
    server = _server()
    with (
        by_aws_requests_auth(server.host) as theirs,
        RestClientBase(server.url, auth=by_us(server.host)) as client,
        requests.Session() as session,
    ):
        session.auth = theirs
        peer = _by_hand(session, server, _SIGNED)
        yield same_result(Pair(ours=_read(client, _SIGNED), peer=peer))


@bench("calling-signed-added", peer="what aws-requests-auth adds", goal="at most 1.3")
@contextmanager
def added_by_signing() -> Iterator[Pair]:
    """Compare what signing adds to calls of a client that is otherwise the same.

    It is a tenth of a call, so each batch makes many.
    """
    server = _server()
    with (
        by_aws_requests_auth(server.host) as theirs,
        RestClientBase(server.url, auth=by_us(server.host)) as ours,
        RestClientBase(server.url, auth=theirs) as peer,
        RestClientBase(server.url) as unsigned,
    ):
        yield same_result(
            Pair(
                ours=_repeated(_read(ours, _SIGNED)),
                peer=_repeated(_read(peer, _SIGNED)),
                base=_repeated(_read(unsigned, _UNSIGNED)),
            )
        )


def _repeated(call: Call) -> Call:
    return lambda: [call() for _ in range(_REPEATED)]


@bench("connections-100-calls", peer="requests.get by hand", goal="one")
@contextmanager
def connections() -> Iterator[Counts]:
    """Count the connections that calls take, one after the other."""
    server = _server()

    def get_by_hand() -> object:
        return requests.get(f"{server.url}/sales/17", timeout=_TIMEOUT).content

    def ours() -> int:
        with RestClientBase(server.url) as client:
            return _connections(server, _read(client, _UNSIGNED))

    yield Counts(
        f"connections for {_CALLS} calls",
        ours=ours,
        peer=lambda: _connections(server, get_by_hand),
    )


def _connections(server: AnswerServer, call: Call) -> int:
    before = server.connections()
    for _ in range(_CALLS):
        call()
    return server.connections() - before


def _read(client: RestClientBase, path: str) -> Call:
    return lambda: client.get_resource(path, Sale, path_params={"id": _ID})


def _by_hand(session: requests.Session, server: AnswerServer, path: str) -> Call:
    def read() -> Sale:
        response = session.get(server.url + path.format(id=quote(_ID, safe="")), timeout=_TIMEOUT)
        response.raise_for_status()
        return Sale.model_validate_json(response.content)

    return read


def _server() -> AnswerServer:
    return current_run().shared(_start)


@contextmanager
def _start() -> Iterator[AnswerServer]:
    with start_answer_server(_ANSWER) as server:
        yield server
