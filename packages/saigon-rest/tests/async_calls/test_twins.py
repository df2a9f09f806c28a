"""One table of calls and what comes of them, for both clients."""

import gzip
import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from saigon.model import BasicRestResponse, EmptyContent, ProblemDetails
from saigon.model.interface import HttpRequest
from saigon.rest import exceptions
from saigon.rest.client import RetryPolicy


class Order(BaseModel):
    order_id: int = Field(alias="orderId")
    note: str | None = None


SEVEN = Order(orderId=7)
ORDER = b'{"orderId": 7}'
PROBLEM = ProblemDetails(title="Bad", detail="it is so", status=409, request_id="r")
AT = format_datetime(datetime.fromisoformat("2026-05-17T12:00:07+00:00"), usegmt=True)
NOWHERE = ["http://[bad", "http://x:99999/", "http://x:port/", "\\\\x\\y"]
COMPRESSED: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}
HANG_UP = {"hang_up": True}
ONCE = {"retry": RetryPolicy(attempts=1)}


@dataclass(frozen=True)
class Case:
    """A script and the call that meets it, and what comes of it."""

    name: str
    answers: Sequence[dict[str, Any]]
    call: Callable[[], tuple[Any, ...]]
    options: dict[str, Any]
    value: Any = None
    error: type[Exception] | None = None
    requests: Sequence[str] = ("GET /",)
    naps: int | list[float] = 0


def get(*args: Any, **kwargs: Any) -> Callable[[], tuple[Any, ...]]:
    return lambda: ("get_resource", args or ("/", Order), kwargs)


def call(name: str, *args: Any, **kwargs: Any) -> Callable[[], tuple[Any, ...]]:
    return lambda: (name, args, kwargs)


def ok(body: bytes = ORDER, **headers: str) -> dict[str, Any]:
    return {"status": 200, "body": body, **headers}


def status(number: int, body: bytes = b"", **headers: str) -> dict[str, Any]:
    return {"status": number, "body": body, **headers}


def case(name: str, *answers: dict[str, Any], of: Any = None, **rest: Any) -> Any:
    options = rest.pop("client", {})
    return pytest.param(Case(name, answers, of or get(), options, **rest), id=name)


READS = [
    case("a resource", ok(), value=SEVEN),
    case(
        "its parameters",
        ok(),
        of=get(
            "/o/{id}", Order, path_params={"id": "a/b é"}, params={"q": ["1 +", "2"], "n": None}
        ),
        value=SEVEN,
        requests=["GET /o/a%2Fb%20%C3%A9?q=1%20%2B&q=2"],
    ),
    case("a list", ok(b"[1, 2]"), of=call("list_resources", "/", int), value=[1, 2]),
    case(
        "nothing asked", ok(b"no json"), of=call("create_resource", "/", {}), requests=["POST / {}"]
    ),
    case("no content", status(204), of=get("/", EmptyContent), value=EmptyContent()),
    case("no content missed", status(204), error=exceptions.ResponseValidationError),
    case("another body", ok(b'{"orderId": "x"}'), error=exceptions.ResponseValidationError),
    case("not modified", status(304), of=get("/", bytes), value=b""),
    case(
        "Latin-1",
        ok("é".encode("latin-1"), Content_Type="text/plain; charset=iso-8859-1"),
        of=get("/", BasicRestResponse),
        value=BasicRestResponse(status_code=200, content="é"),
    ),
    case("gzip", ok(gzip.compress(ORDER), Content_Encoding="gzip"), value=SEVEN),
    case(
        "two members of gzip",
        ok(gzip.compress(b'{"orderId"') + gzip.compress(b": 7}"), Content_Encoding="x-gzip"),
        value=SEVEN,
    ),
    case("deflate", ok(zlib.compress(ORDER), Content_Encoding="deflate"), value=SEVEN),
    case("bare deflate", ok(zlib.compress(ORDER)[2:-4], Content_Encoding="deflate"), value=SEVEN),
    case(
        "two codings",
        ok(gzip.compress(zlib.compress(ORDER)), Content_Encoding="deflate, gzip"),
        value=SEVEN,
    ),
    case(
        "no gzip",
        ok(ORDER, Content_Encoding="gzip"),
        error=exceptions.TransportError,
        client=ONCE,
    ),
    case("a coding not known", ok(ORDER, Content_Encoding="own"), value=SEVEN),
    *[
        case(
            f"{coding} cut short, then whole",
            ok(compress(ORDER)[:-1], Content_Encoding=coding),
            ok(),
            value=SEVEN,
            requests=["GET /"] * 2,
            naps=1,
        )
        for coding, compress in COMPRESSED.items()
    ],
    case(
        "a stream of gzip cut short",
        ok(gzip.compress(b"abc")[:-1], Content_Encoding="gzip"),
        of=call("stream", "/"),
        error=exceptions.TransportError,
    ),
    case(
        "an error of gzip cut short",
        status(410, gzip.compress(PROBLEM.to_json())[:-1], Content_Encoding="gzip"),
        error=exceptions.RequestRejectedError,
    ),
    case("a stream", ok(b"abc"), of=call("stream", "/"), value=b"abc"),
    case(
        "a refused stream",
        status(410),
        of=call("stream", "/"),
        error=exceptions.RequestRejectedError,
    ),
    case(
        "an answer too long",
        ok(b"x" * 100_001),
        of=get("/", bytes),
        client={"max_response_bytes": 100_000},
        error=exceptions.ResponseTooLargeError,
    ),
    case(
        "an answer too long once inflated",
        ok(gzip.compress(bytes(100_001)), Content_Encoding="gzip"),
        of=get("/", bytes),
        client={"max_response_bytes": 100_000},
        error=exceptions.ResponseTooLargeError,
    ),
    case(
        "the longest answer",
        ok(b"x" * 100_000),
        of=get("/", bytes),
        client={"max_response_bytes": 100_000},
        value=b"x" * 100_000,
    ),
]

WRITES = [
    case(
        "put",
        ok(),
        of=call("update_resource", "/", SEVEN, Order),
        value=SEVEN,
        requests=['PUT / {"orderId":7,"note":null}'],
    ),
    case(
        "patch",
        ok(),
        of=call("patch_resource", "/", SEVEN, Order),
        value=SEVEN,
        requests=['PATCH / {"orderId":7}'],
    ),
    case("delete", status(204), of=call("delete_resource", "/"), requests=["DELETE /"]),
    case(
        "delete what is not there",
        status(404),
        of=call("delete_resource", "/", missing_ok=True),
        requests=["DELETE /"],
    ),
    case(
        "delete what should be there",
        status(404),
        of=call("delete_resource", "/"),
        requests=["DELETE /"],
        error=exceptions.NotFoundError,
    ),
    case("bytes", ok(), of=call("update_resource", "/", b"raw"), requests=["PUT / raw"]),
    case(
        "a file, tried again",
        status(503),
        ok(),
        of=lambda: ("update_resource", ("/", _at(5, b"head body")), {}),
        requests=["PUT / body"] * 2,
        naps=1,
    ),
    case(
        "an empty file",
        ok(),
        of=lambda: ("update_resource", ("/", io.BytesIO()), {}),
        requests=["PUT /"],
    ),
    case(
        "an iterator, which is not tried again",
        status(503),
        of=lambda: ("update_resource", ("/", iter([b"ab", b"c"])), {}),
        requests=["PUT / abc"],
        error=exceptions.ServerError,
    ),
]

PAGES = [
    case(
        "pages",
        ok(b'{"data": [1], "page_token": "a+b"}'),
        ok(b'{"data": [2]}'),
        of=call("paginate", "/", int, params={"s": "x"}),
        requests=["GET /?s=x", "GET /?s=x&page_token=a%2Bb"],
    ),
    case(
        "a page that names itself",
        *[ok(b'{"data": [], "page_token": "1"}')] * 3,
        of=call("paginate", "/", int),
        error=exceptions.PaginationError,
        requests=["GET /", "GET /?page_token=1"],
    ),
]

STATUSES = [
    case(f"status {number}", status(number), error=kind, client=ONCE)
    for number, kind in {
        400: exceptions.RequestRejectedError,
        401: exceptions.UnauthorizedError,
        403: exceptions.ForbiddenError,
        404: exceptions.NotFoundError,
        409: exceptions.ConflictError,
        429: exceptions.TooManyRequestsError,
        500: exceptions.ServerError,
        599: exceptions.ServerError,
    }.items()
]

RETRIES = [
    *[
        case(
            f"{number}, then well", status(number), ok(), value=SEVEN,
            requests=["GET /"] * 2, naps=1,
        )
        for number in (408, 429, 500, 502, 503, 504)
    ],
    *[
        case(f"{number} for good", status(number), error=exceptions.StatusError)
        for number in (404, 501)
    ],
    case(
        "never well", *[status(503)] * 9, requests=["GET /"] * 4, naps=3,
        error=exceptions.ServerError,
    ),
    case("a hang-up", HANG_UP, ok(), value=SEVEN, requests=["GET /"] * 2, naps=1),
    case(
        "Retry-After in seconds", status(429, Retry_After="7"), ok(), value=SEVEN,
        requests=["GET /"] * 2, naps=[7.0],
    ),
    case(
        "Retry-After as a date", status(503, Retry_After=AT), ok(), value=SEVEN,
        requests=["GET /"] * 2, naps=[7.0],
    ),
    case("Retry-After too late", status(503, Retry_After="3600"), error=exceptions.ServerError),
    case(
        "Retry-After that is none", status(503, Retry_After="soon"), ok(), value=SEVEN,
        requests=["GET /"] * 2, naps=1,
    ),
    case(
        "Retry-After beyond the whole call's time", status(503, Retry_After="7"),
        of=get("/", Order, total_timeout=5.0), error=exceptions.ServerError,
    ),
    case(
        "a post", status(503), of=call("create_resource", "/", {}),
        requests=["POST / {}"], error=exceptions.ServerError,
    ),
    case(
        "a post and a hang-up", HANG_UP, of=call("create_resource", "/", {}),
        requests=["POST / {}"], error=exceptions.TransportError,
    ),
    case(
        "a post with a key", status(503), HANG_UP, ok(),
        of=call("create_resource", "/", {}, Order, idempotency_key="k"), value=SEVEN,
        requests=["POST / {}"] * 3, naps=2,
    ),
]  # fmt: skip

REDIRECTS = [
    case(
        "within the origin", status(302, Location="/b?c=%2F&c=1"), ok(), value=SEVEN,
        requests=["GET /", "GET /b?c=%2F&c=1"],
    ),
    case(
        "a post seen elsewhere", status(303, Location="/b"), ok(),
        of=call("create_resource", "/", {}, Order), value=SEVEN, requests=["POST / {}", "GET /b"],
    ),
    case(
        "a post that stays one", status(307, Location="/b"), ok(),
        of=call("create_resource", "/", {}, Order), value=SEVEN,
        requests=["POST / {}", "POST /b {}"],
    ),
    case(
        "a post that would become a get", status(302, Location="/b"),
        of=call("create_resource", "/", {}), requests=["POST / {}"], error=exceptions.RedirectError,
    ),
    case("elsewhere", status(302, Location="http://127.0.0.1:1/"), error=exceptions.RedirectError),
    *[
        case(
            f"to nowhere, {number}", status(302, Location=location),
            error=exceptions.RedirectError,
        )
        for number, location in enumerate(NOWHERE)
    ],
    case("without saying where", status(302), error=exceptions.RedirectError),
    case(
        "without end", *[status(302, Location="/")] * 9, requests=["GET /"] * 6,
        error=exceptions.RedirectError,
    ),
]  # fmt: skip

REFUSED = [
    case(
        f"refused: {name}", of=of, requests=[], error=exceptions.InvalidRequestError
    )
    for name, of in {
        "another origin": get("http://127.0.0.1:1/x", Order),
        "an empty parameter": get("/o/{id}", Order, path_params={"id": ""}),
        "a header of two lines": get("/", Order, headers={"X-Own": "a\r\nb"}),
        "a header beyond Latin-1": get("/", Order, headers={"X-Own": "€"}),
        "a method of two words": call("request", "GET /x HTTP/1.1\r\nX-Own: 1", "/"),
    }.items()
]  # fmt: skip

CASES = [*READS, *WRITES, *PAGES, *STATUSES, *RETRIES, *REDIRECTS, *REFUSED]


def _at(position: int, content: bytes) -> io.BytesIO:
    file = io.BytesIO(content)
    file.seek(position)
    return file


def _told(seen: Any) -> str:
    return f"{seen.method} {seen.target} {seen.body.decode()}".rstrip()


@pytest.mark.parametrize("case", CASES)
def test_both_clients_come_to_the_same(twin: Any, server: Any, case: Case) -> None:
    for answer in case.answers:
        server.answer(**answer)
    name, args, kwargs = case.call()
    outcome = twin.call(server.url, name, *args, client=case.options, **kwargs)
    assert (case.error is None) == (outcome.error is None), repr(outcome.error)
    assert isinstance(outcome.error, case.error or type(None))
    assert [_told(seen) for seen in server.seen] == list(case.requests)
    assert outcome.naps == case.naps or len(outcome.naps) == case.naps
    if name != "paginate":
        assert outcome.value == case.value
    attempts = getattr(outcome.error, "attempts", None)
    assert attempts in {None, len(server.seen)}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}abc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello",
        b"ICY 200 OK\r\n\r\n",
    ],
    ids=["two lengths", "negative chunk", "no HTTP"],
)
def test_both_clients_take_what_is_no_http_for_no_answer(
    twin: Any, raw_server: Any, answer: bytes
) -> None:
    raw_server.answer = answer
    outcome = twin.call(raw_server.url, "create_resource", "/", {}, bytes)
    assert type(outcome.error) is exceptions.TransportError
    assert len(raw_server.requests) == 1


@pytest.mark.parametrize("charset", ["idna", "undefined", "no-such-set"])
def test_a_character_set_that_does_not_fit_is_no_error(
    twin: Any, server: Any, charset: str
) -> None:
    server.answer(200, b"a\xff", Content_Type=f"text/plain; charset={charset}")
    outcome = twin.call(server.url, "get_resource", "/", BasicRestResponse)
    assert outcome.value.content == "a\N{REPLACEMENT CHARACTER}"


def test_both_clients_tell_of_each_try(twin: Any, server: Any) -> None:
    server.answer(hang_up=True)
    server.answer(302, Location="/b?token=hidden", x_amzn_RequestId="id-1")
    server.answer(200, ORDER, x_request_id="id-2")
    outcome = twin.call(server.url, "request", "GET", "/a?token=hidden", Order)
    assert [(e.url[-2:], e.attempt, e.status, e.error, e.request_id) for e in outcome.events] == [
        ("/a", 1, None, "TransportError", None),
        ("/a", 2, 302, None, "id-1"),
        ("/b", 3, 200, None, "id-2"),
    ]
    assert "hidden" not in repr(outcome.events)
    response = outcome.value
    assert (response.status, response.request_id, response.attempts) == (200, "id-2", 3)
    assert response.headers["X-Request-ID"] == "id-2"
    assert response.elapsed > 0


def test_both_clients_join_the_headers_of_one_name(twin: Any, server: Any) -> None:
    respond = server.respond

    def twice(handler: Any) -> None:
        end = handler.end_headers

        def end_headers() -> None:
            handler.send_header("Link", "a")
            handler.send_header("Link", "\xe9")
            end()

        handler.end_headers = end_headers
        respond(handler)

    server.respond = twice
    assert twin.call(server.url, "request", "GET", "/").value.headers["link"] == "a, \xe9"


def test_both_clients_read_a_problem(twin: Any, server: Any) -> None:
    server.answer(409, PROBLEM.to_json(), Content_Type="application/problem+json", Retry_After="3")
    error = twin.call(server.url, "get_resource", "/o?token=hidden", Order).error
    assert str(error) == f"GET {server.url}/o answered 409: it is so"
    assert (error.problem, error.retry_after, error.status) == (PROBLEM, 3.0, 409)
    assert error.__context__ is None


def test_both_clients_keep_no_cookie(twin: Any, server: Any) -> None:
    server.answer(302, Location="/b", Set_Cookie="session=alice; Path=/")
    twin.call(server.url, "request", "GET", "/")
    assert len(server.seen) == 2
    assert "Cookie" not in server.seen[1].headers


def test_both_clients_leave_netrc_alone(
    twin: Any, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    twin.call(server.url, "request", "GET", "/")
    assert "Authorization" not in server.seen[0].headers


def test_both_clients_try_a_dead_address_again(twin: Any, dead_url: str) -> None:
    outcome = twin.call(dead_url, "create_resource", "/o?token=hidden", {})
    assert type(outcome.error) is exceptions.ConnectError
    assert (outcome.error.attempts, len(outcome.naps)) == (4, 3)
    assert "refused" in str(outcome.error).lower()
    assert "hidden" not in f"{outcome.error} {outcome.error.__context__}"


def test_both_clients_tell_who_is_not_whom_they_should_be(twin: Any, impostor: str) -> None:
    outcome = twin.call(impostor, "get_resource", "/o?token=hidden", Order)
    assert type(outcome.error) is exceptions.TlsError
    assert (outcome.error.attempts, outcome.naps) == (1, [])
    assert "hidden" not in f"{outcome.error} {outcome.error.__context__}"


def test_both_clients_have_a_refused_request_authorized_anew_once(twin: Any, server: Any) -> None:
    auth = Hopeful()
    server.answer(403)
    server.answer(403)
    outcome = twin.call(server.url, "create_resource", "/", {}, client={"auth": auth})
    assert type(outcome.error) is exceptions.ForbiddenError
    assert [seen.headers["Authorization"] for seen in server.seen] == ["1", "2"]


def test_a_call_is_authorized_anew_once_wherever_it_is_led(twin: Any, server: Any) -> None:
    server.answer(403)
    server.answer(302, Location="/b")
    server.answer(403)
    outcome = twin.call(server.url, "request", "GET", "/", client={"auth": Hopeful()})
    assert type(outcome.error) is exceptions.ForbiddenError
    assert [seen.target for seen in server.seen] == ["/", "/", "/b"]


def test_authorizing_anew_takes_no_retry_away(twin: Any, server: Any) -> None:
    for number in (403, 503, 200):
        server.answer(number)
    client = {"auth": Hopeful(), "retry": RetryPolicy(attempts=2)}
    outcome = twin.call(server.url, "request", "GET", "/", client=client)
    assert outcome.value.attempts == 3
    assert len(outcome.naps) == 1


def test_both_clients_send_what_authorizes_to_their_origin_alone(twin: Any, server: Any) -> None:
    outcome = twin.call(server.url, "request", "GET", "/", client={"auth": Astray()})
    assert type(outcome.error) is exceptions.InvalidRequestError
    assert not server.seen


def test_both_clients_refuse_an_option_that_is_none(twin: Any, server: Any) -> None:
    outcome = twin.call(server.url, "create_resource", "/", {}, bytes, idempotence_key="k")
    assert type(outcome.error) is TypeError
    assert "idempotence_key" in str(outcome.error)
    assert not server.seen


def test_no_header_of_an_answer_stands_in_its_repr(twin: Any, server: Any) -> None:
    server.answer(200, b"1", Set_Cookie="session=planted")
    response = twin.call(server.url, "request", "GET", "/", int).value
    assert "planted" in response.headers["Set-Cookie"]
    assert "planted" not in repr(response)


class Hopeful:
    """Counts what it authorizes, and hopes that once more helps."""

    count = 0

    def authorize(self, request: HttpRequest) -> HttpRequest:
        self.count += 1
        return replace(request, headers={**request.headers, "Authorization": str(self.count)})

    def recover(self, answer: Any) -> bool:
        return True


class Astray:
    def authorize(self, request: HttpRequest) -> HttpRequest:
        return replace(request, url="http://127.0.0.1:1/")
