import asyncio

import pytest
from pydantic import ValidationError

from saigon.fastapi.exceptions import ConfigurationError, NoRequestContextError
from saigon.fastapi.headers import (
    HeaderNames,
    RequestContext,
    current,
    custom_request_context,
    request_context,
    use_request_context,
)

IDENTITY = "eu-west-1:11111111-2222-3333-4444-555555555555"


def test_context_does_not_change() -> None:
    context = RequestContext.from_identity_id(IDENTITY)
    with pytest.raises(ValidationError):
        context.request_id = "other"  # type: ignore[misc]  # that is what is tested


def test_there_is_none_outside_of_a_request() -> None:
    with pytest.raises(NoRequestContextError, match="LogMiddleware"):
        current()


def test_context_in_force_is_returned_and_taken_back() -> None:
    context = RequestContext.from_identity_id(IDENTITY)
    with use_request_context(context):
        assert current() is context
        assert asyncio.run(request_context()) is context
    with pytest.raises(LookupError):
        current()


def test_each_job_has_an_id_of_its_own() -> None:
    ids = {RequestContext.from_identity_id(IDENTITY).request_id for _ in range(10)}
    assert len(ids) == 10


def test_identity_is_the_principal() -> None:
    context = RequestContext.from_identity_id(IDENTITY, request_id="job-1")
    assert context.principal == IDENTITY
    assert context.headers == {"X-Request-Id": "job-1", "X-Api-IdentityId": IDENTITY}


def test_headers_give_back_user_and_trace() -> None:
    sub = "11111111-2222-3333-4444-555555555555"
    context = RequestContext(
        request_id="r",
        traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
        user_sub=sub,
        user_pool_id="eu-west-1_Pool1",
        user_region="eu-west-1",
        identity_source="cognito_provider",
    )
    issuer = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Pool1"
    assert context.principal == sub
    assert context.headers == {
        "X-Request-Id": "r",
        "traceparent": context.traceparent,
        "X-Cognito-AuthProvider": f"{issuer},{issuer}:CognitoSignIn:{sub}",
    }


def test_custom_type_writes_its_own_names() -> None:
    names = HeaderNames(request_id="X-Correlation-Id", identity_id="X-Caller")
    context_type = custom_request_context("OrdersContext", header_names=names)
    context = context_type.from_identity_id(IDENTITY, request_id="r")
    assert context_type.__name__ == "OrdersContext"
    assert context.headers == {"X-Correlation-Id": "r", "X-Caller": IDENTITY}
    assert RequestContext.header_names == HeaderNames()


def test_custom_type_is_not_confused_with_another() -> None:
    context_type = custom_request_context("Other", header_names=HeaderNames())
    with (
        use_request_context(RequestContext.from_identity_id(IDENTITY)),
        pytest.raises(NoRequestContextError, match="expected a Other, there is a RequestContext"),
    ):
        context_type.current()


def test_custom_validator_only_narrows() -> None:
    context_type = custom_request_context(
        "Narrow", header_names=HeaderNames(), request_id_validator=lambda value: "ok" in value
    )
    assert context_type.accepts_request_id("ok-1")
    assert not context_type.accepts_request_id("1")
    assert not context_type.accepts_request_id("ok\n")


@pytest.mark.parametrize("names", [{"request_id": "X Id"}, {"request_id": "x-api-identityid"}])
def test_impossible_header_names_are_refused(names: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        HeaderNames(**names)


def test_custom_validator_is_asked_about_safe_ids_alone() -> None:
    asked: list[str] = []

    def is_number(value: str) -> bool:
        asked.append(value)
        return int(value) > 0

    narrow = custom_request_context(
        "Narrow", header_names=HeaderNames(), request_id_validator=is_number
    )
    assert [narrow.accepts_request_id(value) for value in ("\xe9", "x" * 129, "7")] == [
        False,
        False,
        True,
    ]
    assert asked == ["7"]
