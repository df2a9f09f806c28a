import pickle
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from saigon.model import ProblemDetails
from saigon.rest import exceptions
from saigon.rest.client import RestClientBase, RetryPolicy

PROBLEM = "application/problem+json"


@pytest.fixture
def once(make_client: Callable[..., RestClientBase]) -> RestClientBase:
    return make_client(retry=RetryPolicy(attempts=1))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (304, None),
        (400, exceptions.RequestRejectedError),
        (401, exceptions.UnauthorizedError),
        (403, exceptions.ForbiddenError),
        (404, exceptions.NotFoundError),
        (409, exceptions.ConflictError),
        (418, exceptions.RequestRejectedError),
        (429, exceptions.TooManyRequestsError),
        (500, exceptions.ServerError),
        (599, exceptions.ServerError),
        (600, exceptions.StatusError),
    ],
)
def test_a_status_is_an_error_of_its_class(
    once: RestClientBase, server: Any, status: int, kind: type[exceptions.StatusError] | None
) -> None:
    server.answer(status)
    if kind is None:
        assert once.request("GET", "/orders").status == status
        return
    with pytest.raises(exceptions.StatusError, match=f"GET .*/orders answered {status}") as caught:
        once.request("GET", "/orders")
    assert (type(caught.value), caught.value.status) == (kind, status)


def test_an_error_has_the_facts_of_its_answer(once: RestClientBase, server: Any) -> None:
    problem = ProblemDetails(title="Bad", detail="it\nis  so", request_id="r")
    server.answer(
        503,
        problem.to_json(),
        Content_Type=f"{PROBLEM.upper()}; charset=utf-8",
        Retry_After="3",
        x_amzn_ErrorType="ThrottledException:http://internal",
    )
    with pytest.raises(exceptions.ServerError, match=r"answered 503: it is so$") as caught:
        once.request("GET", "/orders?secret=hidden")
    error = caught.value
    assert (error.problem, error.code, error.retry_after, error.attempts) == (
        problem,
        "ThrottledException",
        3.0,
        1,
    )
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), vars(again)) == (str(error), vars(error))


IDS = ["x-amzn-requestid", "apigw-requestid", "x-amz-apigw-id", "x-request-id", "x-amz-request-id"]


@pytest.mark.parametrize("number", range(len(IDS)))
def test_the_request_id_is_that_of_who_is_nearest(
    once: RestClientBase, server: Any, number: int
) -> None:
    headers = {name: f"of {name}" for name in reversed(IDS[number:])}
    server.answer(200, **headers)
    server.answer(404, **headers)
    assert once.request("GET", "/").request_id == f"of {IDS[number]}"
    with pytest.raises(exceptions.NotFoundError) as caught:
        once.request("GET", "/")
    assert caught.value.request_id == f"of {IDS[number]}"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b'{"title": "Sold"}', "application/json"),
        (b'["title"]', PROBLEM),
        (b"{", PROBLEM),
        (b"\xff", PROBLEM),
        (b"[" * 50_000, PROBLEM),
        (b'{"title": "%s"}' % (b"x" * 70_000), PROBLEM),
    ],
    ids=["type", "list", "broken", "bytes", "deep", "long"],
)
def test_what_is_no_problem_document_is_none(
    once: RestClientBase, server: Any, body: bytes, media_type: str
) -> None:
    server.answer(410, body, Content_Type=media_type)
    with pytest.raises(exceptions.StatusError, match="410: Gone") as caught:
        once.request("GET", "/orders")
    assert caught.value.problem is None


def test_a_wrong_member_of_a_problem_does_not_hide_the_others(
    once: RestClientBase, server: Any
) -> None:
    document = b'{"title": "Sold", "status": "gone", "errors": [{"pointer": "#/a"}]}'
    server.answer(410, document, Content_Type=PROBLEM)
    with pytest.raises(exceptions.StatusError, match="Sold") as caught:
        once.request("GET", "/orders")
    assert caught.value.problem == ProblemDetails(title="Sold")


def test_a_name_of_an_error_that_is_none_is_not_told(once: RestClientBase, server: Any) -> None:
    server.answer(400, x_amzn_ErrorType="not a name: hidden")
    with pytest.raises(exceptions.RequestRejectedError) as caught:
        once.request("GET", "/")
    assert (caught.value.code, "not a name" in str(caught.value)) == (None, False)


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (
            403,
            '{"message":"Missing Authentication Token"}',
            {"x_amzn_ErrorType": "MissingAuthenticationTokenException"},
        ),
        (404, '{"message":"Not Found"}', {"apigw_requestid": "id"}),
    ],
    ids=["REST API", "HTTP API"],
)
def test_a_route_that_the_gateway_does_not_know_is_explained(
    once: RestClientBase, server: Any, status: int, body: str, headers: Any
) -> None:
    server.answer(status, body, **headers)
    with pytest.raises(exceptions.StatusError, match="route that it does not know") as caught:
        once.delete_resource("/ordres", missing_ok=True)
    assert caught.value.unknown_route


class Order(BaseModel):
    order_id: int
    rates: dict[str, int] = {}


def test_a_wrong_body_is_an_error_with_its_beginning(once: RestClientBase, server: Any) -> None:
    server.answer(200, '{"order_id": "%s"}' % ("x" * 5000), x_request_id="id-3")
    with pytest.raises(exceptions.ResponseValidationError, match="order_id: int_parsing") as caught:
        once.get_resource("/orders/7", Order)
    error = caught.value
    assert (error.status, len(error.body), error.request_id) == (200, 2048, "id-3")
    assert [one["loc"] for one in error.errors] == [("order_id",)]
    assert "x" * 10 not in f"{error!r} {error.errors}"
    again = pickle.loads(pickle.dumps(error))
    assert vars(again) == vars(error)


def test_keys_that_a_body_brings_are_not_told(once: RestClientBase, server: Any) -> None:
    server.answer(200, '{"order_id": 1, "rates": {"4111 1111": "x"}}')
    with pytest.raises(exceptions.ResponseValidationError, match=r"at rates\.…: int") as caught:
        once.get_resource("/orders/7", Order)
    assert "4111" not in repr(caught.value)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"NaN"], ids=range(5))
def test_a_body_that_is_no_json_is_an_error_of_ours(
    once: RestClientBase, server: Any, body: bytes
) -> None:
    server.answer(200, body)
    with pytest.raises(exceptions.ResponseValidationError):
        once.get_resource("/orders/7", Order)
