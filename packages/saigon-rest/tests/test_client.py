import io
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import BaseModel, Field, TypeAdapter
from requests.auth import AuthBase

from saigon.model import (
    BasicRestResponse,
    EmptyContent,
    ProblemDetails,
    QueryDataParams,
    QueryDataResult,
)
from saigon.model.interface import HttpRequest
from saigon.rest import exceptions
from saigon.rest.client import RestClientBase, RestEvent, RetryPolicy


class Order(BaseModel):
    order_id: int = Field(alias="orderId")
    note: str | None = None


class Status(BaseModel):
    status: str


ORDER = '{"orderId": 7}'


@pytest.fixture
def make_client(
    server: Any, naps: list[float], now: datetime
) -> Iterator[Callable[..., RestClientBase]]:
    made = []

    def make(base_url: str = server.url, **options: Any) -> RestClientBase:
        client = RestClientBase(base_url, sleep=naps.append, clock=lambda: now, **options)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., RestClientBase]) -> RestClientBase:
    return make_client()


def test_a_resource_is_read_as_its_model(client: RestClientBase, server: Any) -> None:
    server.answer(200, ORDER)
    order = client.get_resource("/orders/{id}", Order, path_params={"id": 7}, params={"q": "a b"})
    assert order.order_id == 7
    assert server.seen[0].target == "/orders/7?q=a%20b"
    assert server.seen[0].headers["Accept"] == "application/json"


@pytest.mark.parametrize(
    ("body", "expected", "result"),
    [
        ("[1, 2]", list[int], [1, 2]),
        ("[1, 2]", TypeAdapter(set[int]), {1, 2}),
        ("{}", EmptyContent, EmptyContent()),
        ("", EmptyContent, EmptyContent()),
        ("null", TypeAdapter(int | None), None),
        ("raw", bytes, b"raw"),
        ("raw", BasicRestResponse, BasicRestResponse(status_code=200, content="raw")),
    ],
)
def test_any_type_that_pydantic_knows_is_a_model(
    client: RestClientBase, server: Any, body: str, expected: Any, result: Any
) -> None:
    server.answer(200, body)
    assert client.get_resource("/", expected) == result


def test_resources_are_created_updated_patched_and_deleted(
    client: RestClientBase, server: Any
) -> None:
    order = Order(orderId=7)
    for status in (201, 200, 200, 204):
        server.answer(status, ORDER if status != 204 else "")
    assert client.create_resource("/orders", order, Order).order_id == 7
    assert client.update_resource("/orders/7", order, Order).order_id == 7
    assert client.patch_resource("/orders/7", order, Order).order_id == 7
    client.delete_resource("/orders/7")
    assert [(seen.method, seen.body) for seen in server.seen] == [
        ("POST", b'{"orderId":7,"note":null}'),
        ("PUT", b'{"orderId":7,"note":null}'),
        ("PATCH", b'{"orderId":7}'),
        ("DELETE", b""),
    ]
    assert server.seen[0].headers["Content-Type"] == "application/json"


def test_without_a_model_nothing_is_read(client: RestClientBase, server: Any) -> None:
    server.answer(200, "not json")
    assert client.request("POST", "/orders", body={"a": [1, None]}).data is None
    assert server.seen[0].body == b'{"a":[1,null]}'


@pytest.mark.parametrize(
    "make", [lambda: b"raw", lambda: io.BytesIO(b"raw")], ids=["bytes", "file"]
)
def test_bytes_and_files_are_sent_as_they_are(
    client: RestClientBase, server: Any, make: Callable[[], Any]
) -> None:
    client.create_resource("/files", make(), headers={"Content-Type": "text/csv"})
    assert (server.seen[0].body, server.seen[0].headers["Content-Type"]) == (b"raw", "text/csv")


def test_an_iterator_is_sent_in_chunks_and_an_empty_file_is_not(
    client: RestClientBase, server: Any
) -> None:
    client.create_resource("/files", iter([b"ab", b"c"]))
    client.create_resource("/files", io.BytesIO())
    assert server.seen[0].body == b"abc"
    assert server.seen[1].headers["Content-Length"] == "0"
    assert "Transfer-Encoding" not in server.seen[1].headers


def test_a_text_mode_file_is_refused(client: RestClientBase, server: Any, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x")
    with (
        (tmp_path / "text").open() as file,
        pytest.raises(exceptions.InvalidRequestError, match="'rb'"),
    ):
        client.create_resource("/files", file)
    assert not server.seen


def test_a_missing_resource_may_be_deleted(client: RestClientBase, server: Any) -> None:
    server.answer(404)
    server.answer(404)
    client.delete_resource("/orders/7", missing_ok=True)
    with pytest.raises(exceptions.NotFoundError):
        client.delete_resource("/orders/7")


def test_a_list_is_a_json_array(client: RestClientBase, server: Any) -> None:
    server.answer(200, f"[{ORDER}, {ORDER}]")
    assert [order.order_id for order in client.list_resources("/orders", Order)] == [7, 7]


@pytest.mark.parametrize(
    "params",
    [QueryDataParams[Status](max_count=2, selection=Status(status="open")), {"status": "open"}],
)
def test_pages_are_read_by_their_token(client: RestClientBase, server: Any, params: Any) -> None:
    server.answer(200, f'{{"data": [{ORDER}], "page_token": "next+1"}}')
    server.answer(200, f'{{"data": [{ORDER}]}}')
    pages = list(client.paginate("/orders", Order, params=params))
    assert [len(page) for page in pages] == [1, 1]
    assert isinstance(pages[0], QueryDataResult)
    assert "status=open" in server.seen[1].target
    assert "page_token=next%2B1" in server.seen[1].target


def test_a_page_is_read_only_when_it_is_asked_for(client: RestClientBase, server: Any) -> None:
    server.answer(200, '{"data": [], "page_token": "1"}')
    next(client.paginate("/orders", Order))
    assert len(server.seen) == 1


def test_a_page_that_names_itself_ends_the_loop(client: RestClientBase, server: Any) -> None:
    for _ in range(3):
        server.answer(200, '{"data": [], "page_token": "1"}')
    with pytest.raises(exceptions.PaginationError):
        list(client.paginate("/orders", Order))
    assert len(server.seen) == 2


def test_an_answer_tells_what_surrounds_it(client: RestClientBase, server: Any) -> None:
    server.answer(503)
    server.answer(202, ORDER, x_amzn_RequestId="id-1", ETag="e")
    response = client.request("put", "/orders/7", Order, body=Order(orderId=7))
    assert (response.status, response.request_id, response.attempts) == (202, "id-1", 2)
    assert (response.headers["etag"], response.data.order_id) == ("e", 7)
    assert response.elapsed > 0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, exceptions.RequestRejectedError),
        (401, exceptions.UnauthorizedError),
        (403, exceptions.ForbiddenError),
        (404, exceptions.NotFoundError),
        (409, exceptions.ConflictError),
        (429, exceptions.TooManyRequestsError),
        (500, exceptions.ServerError),
    ],
)
def test_a_status_is_an_error_of_its_class(
    make_client: Callable[..., RestClientBase],
    server: Any,
    status: int,
    kind: type[exceptions.StatusError],
) -> None:
    problem = ProblemDetails(title="Bad", detail="it is so", status=status, request_id="r")
    server.answer(
        status,
        problem.to_json(),
        Content_Type="application/problem+json",
        apigw_requestid="id-2",
        Retry_After="3",
    )
    client = make_client(retry=RetryPolicy(attempts=1))
    with pytest.raises(
        exceptions.StatusError, match=r"GET .*/orders answered .*: it is so"
    ) as caught:
        client.get_resource("/orders", Order, params={"secret": "hidden"})
    error = caught.value
    assert type(error) is kind
    assert (error.problem, error.request_id) == (problem, "id-2")
    assert (error.retry_after, error.attempts) == (3.0, 1)
    assert "hidden" not in str(error)


def test_an_unknown_route_is_explained(client: RestClientBase, server: Any) -> None:
    server.answer(
        403,
        '{"message":"Missing Authentication Token"}',
        x_amzn_ErrorType="MissingAuthenticationTokenException",
    )
    with pytest.raises(exceptions.ForbiddenError, match="route that it does not know") as caught:
        client.get_resource("/ordres", Order)
    assert caught.value.code == "MissingAuthenticationTokenException"


def test_a_wrong_body_is_an_error_without_its_values(client: RestClientBase, server: Any) -> None:
    server.answer(200, '{"orderId": "hidden"}', x_request_id="id-3")
    with pytest.raises(exceptions.ResponseValidationError, match="orderId: int_parsing") as caught:
        client.get_resource("/orders/7", Order)
    error = caught.value
    assert (error.status, error.body, error.request_id) == (200, b'{"orderId": "hidden"}', "id-3")
    assert "hidden" not in f"{error} {error.__cause__} {error.__context__}"
    assert "hidden" not in str(error.errors)


def test_a_body_that_was_expected_is_missed(client: RestClientBase, server: Any) -> None:
    server.answer(204)
    with pytest.raises(exceptions.ResponseValidationError):
        client.get_resource("/orders/7", Order)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_failures_are_tried_again(
    client: RestClientBase, server: Any, naps: list[float], status: int
) -> None:
    server.answer(status)
    server.answer(200, ORDER)
    assert client.request("GET", "/orders/7", Order).attempts == 2
    assert len(naps) == 1
    assert 0 <= naps[0] <= 0.2


@pytest.mark.parametrize("status", [400, 403, 404, 409, 501])
def test_lasting_failures_are_not(client: RestClientBase, server: Any, status: int) -> None:
    server.answer(status)
    with pytest.raises(exceptions.StatusError):
        client.get_resource("/orders/7", Order)
    assert len(server.seen) == 1


def test_tries_end(client: RestClientBase, server: Any, naps: list[float]) -> None:
    for _ in range(9):
        server.answer(503)
    with pytest.raises(exceptions.ServerError) as caught:
        client.get_resource("/orders/7", Order)
    assert (caught.value.attempts, len(server.seen), len(naps)) == (4, 4, 3)


def test_what_is_not_idempotent_is_sent_once(client: RestClientBase, server: Any) -> None:
    server.answer(503)
    with pytest.raises(exceptions.ServerError):
        client.create_resource("/orders", {})
    server.answer(hang_up=True)
    with pytest.raises(exceptions.TransportError):
        client.create_resource("/orders", {})
    assert len(server.seen) == 2


def test_an_idempotency_key_makes_it_repeatable_and_stays_the_same(
    client: RestClientBase, server: Any
) -> None:
    server.answer(503)
    server.answer(hang_up=True)
    client.create_resource("/orders", {}, idempotency_key="key-1")
    assert [seen.headers["Idempotency-Key"] for seen in server.seen] == ["key-1"] * 3


def test_a_file_is_rewound_for_each_try(client: RestClientBase, server: Any) -> None:
    server.answer(503)
    file = io.BytesIO(b"head body")
    file.seek(5)
    client.update_resource("/files/7", file)
    assert [seen.body for seen in server.seen] == [b"body", b"body"]


def test_a_body_that_cannot_be_rewound_is_sent_once(client: RestClientBase, server: Any) -> None:
    server.answer(503)
    with pytest.raises(exceptions.ServerError):
        client.update_resource("/files/7", iter([b"a"]))
    assert len(server.seen) == 1


def test_a_connection_that_was_never_made_is_tried_again_for_any_method(
    make_client: Callable[..., RestClientBase], dead_url: str, naps: list[float]
) -> None:
    with pytest.raises(exceptions.ConnectError, match="refused") as caught:
        make_client(dead_url).create_resource("/orders?a=hidden", {})
    assert (caught.value.attempts, len(naps)) == (4, 3)
    assert "hidden" not in f"{caught.value} {caught.value.__context__}"


def test_waiting_for_an_answer_has_an_end(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    held = threading.Event()
    respond = server.respond

    def respond_late(handler: Any) -> None:
        held.wait(5)
        respond(handler)

    server.respond = respond_late
    client = make_client(retry=RetryPolicy(attempts=1))
    with pytest.raises(exceptions.RequestTimeoutError):
        client.get_resource("/orders", Order, timeout=0.05)
    held.set()


@pytest.mark.parametrize("seconds", ["7", "date"])
def test_the_server_says_how_long_to_wait(
    client: RestClientBase, server: Any, naps: list[float], now: datetime, seconds: str
) -> None:
    at = format_datetime(now + timedelta(seconds=7), usegmt=True)
    server.answer(429, Retry_After=at if seconds == "date" else seconds)
    server.answer(200, ORDER)
    client.get_resource("/orders/7", Order)
    assert naps == [7.0]


def test_too_long_a_wait_is_left_to_the_caller(
    client: RestClientBase, server: Any, naps: list[float]
) -> None:
    server.answer(503, Retry_After="3600")
    with pytest.raises(exceptions.ServerError) as caught:
        client.get_resource("/orders/7", Order)
    assert (caught.value.retry_after, naps) == (3600.0, [])


@pytest.mark.parametrize(
    "value", ["-1", "soon", "Wed, 21 Oct 2015 07:28:00 +9999999999999999999", "1 Jan 99999999999"]
)
def test_a_wait_that_makes_no_sense_is_not_obeyed(
    client: RestClientBase, server: Any, naps: list[float], value: str
) -> None:
    server.answer(503, Retry_After=value)
    server.answer(200, ORDER)
    client.get_resource("/orders/7", Order)
    assert len(naps) == 1


@pytest.mark.parametrize("location", ["http://[bad", "http://x:99999/"])
def test_a_redirect_to_nowhere_is_an_error(
    client: RestClientBase, server: Any, location: str
) -> None:
    server.answer(302, Location=location)
    with pytest.raises(exceptions.RedirectError):
        client.get_resource("/orders/7", Order)


def test_what_cannot_be_sent_is_refused_and_not_shown(client: RestClientBase, server: Any) -> None:
    with pytest.raises(exceptions.InvalidRequestError, match="X-Own") as caught:
        client.request("GET", "/", headers={"X-Own": "hidden \N{EURO SIGN}"})
    assert "hidden" not in str(caught.value)
    assert caught.value.__context__ is None
    with pytest.raises(exceptions.InvalidRequestError, match="method"):
        client.request("GET / HTTP/1.1\r\nX-Own: 1", "/")
    assert not server.seen


def test_a_redirect_is_followed_within_the_origin(client: RestClientBase, server: Any) -> None:
    server.answer(302, Location="/orders/8?a=1")
    server.answer(200, ORDER)
    client.get_resource("/orders/7", Order)
    assert [seen.target for seen in server.seen] == ["/orders/7", "/orders/8?a=1"]


@pytest.mark.parametrize(
    ("status", "expected"), [(307, ("POST", b"{}")), (308, ("POST", b"{}")), (303, ("GET", b""))]
)
def test_a_redirected_post_keeps_its_body_where_http_says_so(
    client: RestClientBase, server: Any, status: int, expected: tuple[str, bytes]
) -> None:
    server.answer(status, Location="/elsewhere")
    client.create_resource("/orders", {})
    assert (server.seen[1].method, server.seen[1].body) == expected


def test_a_post_is_not_turned_into_a_get_by_302(client: RestClientBase, server: Any) -> None:
    server.answer(302, Location="/elsewhere")
    with pytest.raises(exceptions.RedirectError):
        client.create_resource("/orders", {})


def test_a_redirect_elsewhere_is_an_error(
    make_client: Callable[..., RestClientBase], server: Any, dead_url: str
) -> None:
    server.answer(302, Location=f"{dead_url}/x")
    with pytest.raises(exceptions.RedirectError) as caught:
        make_client(headers={"Authorization": "Bearer x"}).get_resource("/orders", Order)
    assert caught.value.status == 302


def test_redirects_end(client: RestClientBase, server: Any) -> None:
    for _ in range(9):
        server.answer(302, Location="/again")
    with pytest.raises(exceptions.RedirectError):
        client.get_resource("/orders", Order)
    assert len(server.seen) == 6


def test_a_url_of_another_origin_is_not_called(
    client: RestClientBase, server: Any, dead_url: str
) -> None:
    with pytest.raises(exceptions.InvalidRequestError):
        client.get_resource(f"{dead_url}/orders", Order)
    client.request("GET", f"{server.url}/orders")
    assert len(server.seen) == 1


def test_no_cookie_is_kept(client: RestClientBase, server: Any) -> None:
    server.answer(200, Set_Cookie="session=alice; Path=/")
    client.request("GET", "/a")
    client.request("GET", "/b")
    assert "Cookie" not in server.seen[1].headers


def test_no_password_is_taken_from_netrc(
    client: RestClientBase, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    client.request("GET", "/a")
    client.upload_file_to_url(f"{server.url}/bucket/key", io.BytesIO(b"x"))
    assert all("Authorization" not in seen.headers for seen in server.seen)


def test_each_try_is_authorized_anew(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    class Counting(AuthBase):
        tries = 0

        def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
            self.tries += 1
            r.headers["Authorization"] = f"try {self.tries}"
            return r

    server.answer(503)
    make_client(auth=Counting()).request("GET", "/")
    assert [seen.headers["Authorization"] for seen in server.seen] == ["try 1", "try 2"]


def test_an_authorizer_replaces_the_request(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    class Bearer:
        def authorize(self, request: HttpRequest) -> HttpRequest:
            headers = {**request.headers, "Authorization": "Bearer t"}
            return HttpRequest(request.method, request.url + "?v=1", headers, request.body)

    make_client(auth=Bearer()).create_resource("/orders", {"a": 1})
    seen = server.seen[0]
    assert (seen.target, seen.headers["Authorization"], seen.body) == (
        "/orders?v=1",
        "Bearer t",
        b'{"a":1}',
    )


def test_a_refused_signature_is_made_anew_once(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    class Hopeful(AuthBase):
        def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
            return r

        def recover(self, response: requests.Response) -> bool:
            return True

    server.answer(403)
    server.answer(403)
    with pytest.raises(exceptions.ForbiddenError) as caught:
        make_client(auth=Hopeful()).request("POST", "/", body={})
    assert (len(server.seen), caught.value.attempts) == (2, 2)


def test_hooks_see_each_try_and_no_secret(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    events: list[RestEvent] = []
    server.answer(hang_up=True)
    server.answer(200, x_request_id="id-4")
    make_client(hooks=[events.append]).request("GET", "/a?token=hidden")
    assert [(e.attempt, e.status, e.error, e.request_id) for e in events] == [
        (1, None, "TransportError", None),
        (2, 200, None, "id-4"),
    ]
    assert "hidden" not in repr(events)


def test_nothing_secret_is_logged(
    make_client: Callable[..., RestClientBase], server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="saigon"):
        make_client(headers={"Authorization": "hidden"}).create_resource(
            "/a?token=hidden", {"password": "hidden"}
        )
    assert "POST" in caplog.text
    assert "hidden" not in caplog.text


def test_one_connection_carries_many_calls(client: RestClientBase, server: Any) -> None:
    for _ in range(100):
        client.request("GET", "/")
    assert server.connections == 1


def test_threads_share_a_client(client: RestClientBase, server: Any) -> None:
    def call() -> None:
        for _ in range(10):
            client.request("GET", "/")

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.seen) == 80
    assert server.connections <= 8


def test_a_session_that_was_handed_in_stays_open(
    make_client: Callable[..., RestClientBase], server: Any
) -> None:
    class Session(requests.Session):
        closed = False

        def close(self) -> None:
            self.closed = True
            super().close()

    with Session() as session:
        with make_client(session=session) as client:
            client.request("GET", "/")
        assert not session.closed


def test_a_body_is_downloaded_whole(client: RestClientBase, server: Any, tmp_path: Path) -> None:
    server.answer(200, b"x" * 3_000_000)
    told: list[tuple[int, int | None]] = []
    target = tmp_path / "file"
    target.write_bytes(b"old")
    written = client.download_to(
        "/f", target, progress=lambda done, length: told.append((done, length))
    )
    assert (written, target.stat().st_size, told[-1]) == (3_000_000, 3_000_000, (3_000_000,) * 2)
    assert list(tmp_path.iterdir()) == [target]


def test_a_download_that_breaks_off_leaves_the_old_file(
    client: RestClientBase, server: Any, tmp_path: Path
) -> None:
    server.answer(200, b"half", Content_Length="8", Connection="close")
    target = tmp_path / "file"
    target.write_bytes(b"old")
    respond = server.respond

    def hang_up_after(handler: Any) -> None:
        respond(handler)
        handler.close_connection = True

    server.respond = hang_up_after
    with pytest.raises(exceptions.TransportError):
        client.download_to("/f", target)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_refused_download_writes_nothing(
    client: RestClientBase, server: Any, tmp_path: Path
) -> None:
    server.answer(404)
    with pytest.raises(exceptions.NotFoundError):
        client.download_to("/f", tmp_path / "file")
    assert not list(tmp_path.iterdir())


def test_a_wrong_member_of_a_problem_does_not_hide_the_others(
    client: RestClientBase, server: Any
) -> None:
    document = b'{"title": "Sold", "status": "gone", "errors": [{"pointer": "#/a"}]}'
    server.answer(410, document, Content_Type="application/problem+json")
    with pytest.raises(exceptions.StatusError, match="Sold") as caught:
        client.get_resource("/orders", Order)
    assert caught.value.problem == ProblemDetails(title="Sold")


def test_the_error_of_a_stream_has_its_problem(client: RestClientBase, server: Any) -> None:
    problem = ProblemDetails(title="Gone", detail="it is")
    server.answer(410, problem.to_json(), Content_Type="application/problem+json")
    with pytest.raises(exceptions.StatusError) as caught, client.stream("/f"):
        pass
    assert caught.value.problem == problem
    server.answer(410, b"x" * 1000, Content_Length="2000", Connection="close")
    respond = server.respond

    def hang_up_after(handler: Any) -> None:
        respond(handler)
        handler.close_connection = True

    server.respond = hang_up_after
    with pytest.raises(exceptions.StatusError, match="410"), client.stream("/f"):
        pass


def test_a_stream_tells_its_length(client: RestClientBase, server: Any) -> None:
    server.answer(200, b"abcdef", x_request_id="id-5")
    with client.stream("/f") as stream:
        assert (stream.status, stream.length, stream.request_id) == (200, 6, "id-5")
        assert list(stream.iter_bytes(4)) == [b"abcd", b"ef"]


def test_waiting_ends_when_the_answer_is_right(client: RestClientBase, naps: list[float]) -> None:
    answers = iter(["new", "new", "done"])
    got = client.wait_for_condition(lambda: next(answers), 60, until=lambda value: value == "done")
    assert got == "done"
    assert 0.25 <= naps[0] <= 0.5 <= naps[1] <= 1.0


def test_waiting_in_vain_tells_the_last_answer(client: RestClientBase) -> None:
    with pytest.raises(exceptions.WaitTimeoutError) as caught:
        client.wait_for_condition(lambda: 0, 0)
    assert caught.value.last == 0


def test_waiting_for_what_cannot_come_stops(client: RestClientBase) -> None:
    with pytest.raises(exceptions.WaitFailedError) as caught:
        client.wait_for_condition(lambda: "failed", 60, until=lambda _: False, fail_when=bool)
    assert caught.value.last == "failed"


@pytest.mark.parametrize("field", ["attempts", "base_delay", "max_delay", "max_retry_after"])
def test_a_retry_policy_is_checked(field: str) -> None:
    with pytest.raises(ValueError, match="attempt"):
        RetryPolicy(**{field: -1})


def test_the_repr_holds_no_header() -> None:
    with RestClientBase("https://x/prod", headers={"Authorization": "hidden"}) as client:
        assert repr(client) == "RestClientBase('https://x/prod')"
