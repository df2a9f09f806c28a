import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from saigon.fastapi._request.reading import ContextReader
from saigon.fastapi.exceptions import (
    ConfigurationError,
    IdentityHeaderError,
    NoRequestContextError,
)
from saigon.fastapi.headers import (
    HeaderNames,
    ProxyHops,
    RequestContext,
    current,
    custom_request_context,
    request_context,
    use_request_context,
)
from saigon.fastapi.logging import current_log_context, logcontext

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


def context_of(
    *headers: tuple[bytes, bytes], hops: ProxyHops | None = None, **options: Any
) -> RequestContext:
    kind = custom_request_context("Custom", **options)
    scope = {"headers": headers, "client": ("192.0.2.7", 1)}
    return ContextReader(kind, None, hops).read(scope).context()


@pytest.mark.parametrize("error", [ValueError, RuntimeError])
def test_validator_that_raises_refuses_the_id(error: type[Exception]) -> None:
    def refuse(value: str) -> bool:
        raise error(value)

    context = context_of((b"x-request-id", b"abc"), request_id_validator=refuse)
    assert context.request_id != "abc"


FORWARDED = [
    ('for=5.6.7.8;host="evil,for=6.6.6.6"', "5.6.7.8"),
    ('by=1.1.1.1;host="x;for=6.6.6.6";For=5.6.7.8', "5.6.7.8"),
    ('for="[2001:db8::1]:44";by="a,b"', "2001:db8::1"),
    ('for="1.2.3.4, for=5.6.7.8', "5.6.7.8"),
    (r'for=6.6.6.6;x="\", for=5.6.7.8;y="\"a"', "5.6.7.8"),
    (r'x="a\\", for=5.6.7.8;y="\"a"', "5.6.7.8"),
    ("for=6.6.6.6, proto=https", None),
    ("for=unknown", None),
    ('"' * 50_000, None),
    ("\\" * 50_000 + '"', None),
]


@pytest.mark.parametrize(("sent", "seen"), FORWARDED, ids=[text[:40] for text, _ in FORWARDED])
def test_quotes_of_a_caller_hide_nothing_of_what_a_proxy_wrote(sent: str, seen: str | None) -> None:
    hops = ProxyHops(1, header="Forwarded")
    assert context_of((b"forwarded", sent.encode()), hops=hops).client_address == seen


@pytest.mark.parametrize(
    ("sent", "count", "seen"),
    [
        ("6.6.6.6,, 203.0.113.9 ,", 1, "203.0.113.9"),
        ("::ffff:203.0.113.9", 1, "203.0.113.9"),
        ("2" * 100, 1, None),
        ("", 1, "192.0.2.7"),
    ],
)
def test_entries_of_x_forwarded_for_are_counted_from_the_end(
    sent: str, count: int, seen: str | None
) -> None:
    header = (b"x-forwarded-for", sent.encode())
    assert context_of(header, hops=ProxyHops(count)).client_address == seen


def test_proxies_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one proxy"):
        ProxyHops(0)
    for header in ("forwarded", "X-Real-IP"):
        with pytest.raises(ConfigurationError, match="expected one of"):
            ProxyHops(1, header=header)  # type: ignore[arg-type]


TRACE, SPAN = b"a" * 32, b"b" * 16
XRAY = b"Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"


@pytest.mark.parametrize(
    ("traceparent", "xray", "trace"),
    [
        (b"00-%b-%b-01" % (TRACE, SPAN), XRAY, "a" * 32),
        (b"00-%b-%b-01" % (b"0" * 32, SPAN), XRAY, "1-5759e988-bd862e3fe1be46a994272793"),
        (b"00-%b-%b-01" % (TRACE, b"0" * 16), b"", None),
        (b"00-%b-%b-01" % (TRACE.upper(), SPAN), b"", None),
        (b"", XRAY + b"\x00", None),
        (b"", b"Self=1-5759e988-bd862e3fe1be46a994272793", None),
    ],
)
def test_trace_is_read_from_the_header_that_is_valid(
    traceparent: bytes, xray: bytes, trace: str | None
) -> None:
    context = context_of((b"traceparent", traceparent), (b"x-amzn-trace-id", xray))
    assert context.trace_id == trace
    assert (context.amzn_trace_id is not None) == (xray == XRAY)


HANDED_ON = [
    *("request_id", "identity_id", "traceparent", "amzn_trace_id"),
    *("user_sub", "user_pool_id", "user_region"),
]


@pytest.mark.parametrize("field", HANDED_ON)
@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\n", "é", "", "x" * 600])
def test_nothing_that_ends_a_header_is_handed_on(field: str, value: str) -> None:
    with pytest.raises(ValidationError):
        RequestContext.model_validate({"request_id": "r-1", field: value})


def test_identity_of_a_job_is_one() -> None:
    with pytest.raises(IdentityHeaderError):
        RequestContext.from_identity_id("a\r\nX-Evil: 1")


def test_context_of_a_job_is_on_its_lines() -> None:
    identity = "eu-west-1:11111111-2222-3333-4444-555555555555"
    context = RequestContext.from_identity_id(identity, request_id="r-1")
    with use_request_context(context):
        assert current_log_context() == {"request_id": "r-1", "identity": identity}
    assert current_log_context() == {}


def test_contexts_of_a_job_are_put_within_its_own_fields() -> None:
    with use_request_context(RequestContext(request_id="job")), logcontext(tenant="t"):
        with use_request_context(RequestContext(request_id="item")):
            assert current_log_context() == {"request_id": "item", "tenant": "t"}
        assert current_log_context() == {"request_id": "job", "tenant": "t"}


@pytest.mark.parametrize("sent", [b"", b"\xe9", b"x" * 600])
def test_type_that_accepts_all_ids_is_given_safe_ones(sent: bytes) -> None:
    class Lenient(RequestContext):
        @classmethod
        def accepts_request_id(cls, value: str) -> bool:
            return True

    scope = {"headers": [(b"x-request-id", sent)], "client": None}
    assert len(ContextReader(Lenient, None, None).read(scope).context().request_id) == 36


def test_identity_without_a_source_is_nobody() -> None:
    assert RequestContext(request_id="r-1", identity_id="someone").principal is None


@pytest.mark.parametrize("name", ["User-Agent", "authorization", "X-Forwarded-For"])
def test_header_that_says_something_else_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="something else"):
        HeaderNames(request_id=name)
