from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from saigon.fastapi._request.reading import ContextReader
from saigon.fastapi.app import create_app
from saigon.fastapi.exceptions import ConfigurationError
from saigon.fastapi.headers import (
    CognitoProviderHeader,
    GatewaySecret,
    HeaderNames,
    IdentityIdHeader,
    IdentitySource,
    LambdaEventIdentity,
    LambdaEventUser,
    PeerNetworks,
    RequestContext,
    current,
    custom_request_context,
)
from saigon.fastapi.middleware import LogMiddleware
from saigon.model.http import is_request_id

POOL = "eu-west-1_Pool1"
SUB_A = "aaaaaaaa-2222-3333-4444-555555555555"
SUB_B = "bbbbbbbb-2222-3333-4444-555555555555"
IDENTITY_A = f"eu-west-1:{SUB_A}"
IDENTITY_B = f"eu-west-1:{SUB_B}"
SECRET = "s3cret-of-the-gateway"
TRUST = GatewaySecret("X-Gateway-Secret", lambda: SecretStr(SECRET))
BY_USER = CognitoProviderHeader(TRUST, user_pools=[POOL])
BY_IDENTITY = IdentityIdHeader(TRUST)

Call = Callable[..., httpx.Response]
Lines = Callable[[], list[dict[str, Any]]]
Headers = list[tuple[str, str]]


def provider(sub: str, pool: str = POOL) -> str:
    issuer = f"cognito-idp.eu-west-1.amazonaws.com/{pool}"
    return f"{issuer},{issuer}:CognitoSignIn:{sub}"


def app_of(identity: IdentitySource | None, **options: Any) -> Any:
    router = APIRouter()

    @router.get("/me")
    def me() -> dict[str, str | None]:
        return {"principal": current().principal, "source": current().identity_source}

    return create_app(title="Test", routers=[router], identity=identity, **options)


@pytest.fixture
def principal(call: Call) -> Callable[..., str | None]:
    def ask(identity: IdentitySource | None, headers: Headers, **options: Any) -> str | None:
        answer = call(app_of(identity), "GET", "/me", headers=headers, **options)
        assert answer.status_code == 200, answer.text
        value: str | None = answer.json()["principal"]
        return value

    return ask


GATEWAY: Headers = [("X-Gateway-Secret", SECRET)]


def test_user_is_known_through_the_gateway(principal: Callable[..., str | None]) -> None:
    headers = [*GATEWAY, ("X-Cognito-AuthProvider", provider(SUB_A))]
    assert principal(BY_USER, headers) == SUB_A


def test_identity_is_known_through_the_gateway(principal: Callable[..., str | None]) -> None:
    assert principal(BY_IDENTITY, [*GATEWAY, ("X-Api-IdentityId", IDENTITY_A)]) == IDENTITY_A


def test_nothing_is_believed_by_default(principal: Callable[..., str | None]) -> None:
    headers = [("X-Cognito-AuthProvider", provider(SUB_A)), ("X-Api-IdentityId", IDENTITY_A)]
    assert principal(None, headers) is None


@pytest.mark.parametrize(
    "secrets",
    [
        [],
        [("X-Gateway-Secret", "")],
        [("X-Gateway-Secret", "wrong")],
        [("X-Gateway-Secret", SECRET), ("X-Gateway-Secret", SECRET)],
        [("X-Gateway-Secret", f"{SECRET},{SECRET}")],
        [("X-Gateway-Secret", SECRET.upper())],
    ],
)
def test_caller_past_the_gateway_is_anonymous(
    principal: Callable[..., str | None], secrets: Headers
) -> None:
    headers = [*secrets, ("X-Cognito-AuthProvider", provider(SUB_A))]
    assert principal(BY_USER, headers) is None


def test_provider_that_fails_is_503_and_logged(call: Call, access_lines: Lines) -> None:
    def provider_of_secrets() -> SecretStr:
        raise OSError("the vault is down")

    trust = GatewaySecret("X-Gateway-Secret", provider_of_secrets)
    answer = call(app_of(IdentityIdHeader(trust)), "GET", "/me", headers=GATEWAY)
    assert answer.status_code == 503
    assert "vault" not in answer.text
    assert [line["status"] for line in access_lines()] == [503]


def test_empty_secret_is_never_valid(principal: Callable[..., str | None]) -> None:
    source = IdentityIdHeader(GatewaySecret("X-Gateway-Secret", lambda: SecretStr("")))
    headers = [("X-Gateway-Secret", ""), ("X-Api-IdentityId", IDENTITY_A)]
    assert principal(source, headers) is None


@pytest.mark.parametrize("sent", ["old", "new"])
def test_two_secrets_are_valid_while_rotating(
    principal: Callable[..., str | None], sent: str
) -> None:
    rotating = GatewaySecret("X-Gateway-Secret", lambda: [SecretStr("old"), SecretStr("new")])
    headers = [("X-Gateway-Secret", sent), ("X-Api-IdentityId", IDENTITY_A)]
    assert principal(IdentityIdHeader(rotating), headers) == IDENTITY_A


def test_secret_is_in_no_repr() -> None:
    assert SECRET not in repr(BY_USER)


def test_header_that_the_gateway_does_not_fill_is_ignored_and_logged(
    principal: Callable[..., str | None], access_lines: Lines
) -> None:
    """The gateway fills the provider string; the caller brought an identity id of another."""
    filled = ("X-Cognito-AuthProvider", provider(SUB_A))
    brought = ("X-Api-IdentityId", IDENTITY_B)
    assert principal(BY_USER, [*GATEWAY, filled, brought]) == SUB_A
    assert access_lines()[0]["ignored_headers"] == ["X-Api-IdentityId"]
    assert principal(BY_IDENTITY, [*GATEWAY, filled, ("X-Api-IdentityId", IDENTITY_A)]) == (
        IDENTITY_A
    )


def test_other_header_alone_makes_nobody_known(principal: Callable[..., str | None]) -> None:
    assert principal(BY_USER, [*GATEWAY, ("X-Api-IdentityId", IDENTITY_B)]) is None


@pytest.mark.parametrize(
    "values",
    [
        [provider(SUB_A), provider(SUB_B)],
        [provider(SUB_B), provider(SUB_A)],
        [provider(SUB_A) + "," + provider(SUB_B)],
        [provider(SUB_A) + "%20"],
        [provider(SUB_A, pool="eu-west-1_Other")],
        [provider("not-a-uuid")],
        [provider(SUB_A).replace("/eu-west-1_Pool1,", "/eu-west-1_Pool2,")],
        ["accounts.google.com,accounts.google.com:app:123"],
        ["\xff"],
    ],
)
def test_malformed_or_doubled_identity_is_refused_without_an_echo(
    call: Call, access_lines: Lines, values: list[str]
) -> None:
    headers = [
        (b"X-Gateway-Secret", SECRET.encode()),
        *((b"X-Cognito-AuthProvider", value.encode("latin-1")) for value in values),
    ]
    answer = call(app_of(BY_USER), "GET", "/me", headers=headers)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert values[0] not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert [line["status"] for line in access_lines()] == [400]


@pytest.mark.parametrize("value", ["not-one", "eu-west-1:", SUB_A, IDENTITY_A + "\t,"])
def test_malformed_identity_id_is_refused(call: Call, value: str) -> None:
    headers = [*GATEWAY, ("X-Api-IdentityId", value)]
    assert call(app_of(BY_IDENTITY), "GET", "/me", headers=headers).status_code == 400


def test_peer_networks_are_believed(principal: Callable[..., str | None]) -> None:
    source = IdentityIdHeader(PeerNetworks(["192.0.2.0/24", "2001:db8::/32"]))
    headers = [("X-Api-IdentityId", IDENTITY_A)]
    assert principal(source, headers, client=("192.0.2.7", 4711)) == IDENTITY_A
    assert principal(source, headers, client=("2001:db8::1", 4711)) == IDENTITY_A
    assert principal(source, headers, client=("198.51.100.1", 4711)) is None


@pytest.mark.parametrize("forwarded", ["192.0.2.7", "192.0.2.7:99, 10.0.0.1", "9.9.9.9,192.0.2.7"])
def test_peer_that_may_come_from_a_header_is_not_believed(
    principal: Callable[..., str | None], forwarded: str
) -> None:
    source = IdentityIdHeader(PeerNetworks(["192.0.2.0/24"]))
    headers = [("X-Api-IdentityId", IDENTITY_A), ("X-Forwarded-For", forwarded)]
    assert principal(source, headers, client=("192.0.2.7", 99)) is None


def test_peer_behind_which_others_stand_is_believed(principal: Callable[..., str | None]) -> None:
    source = IdentityIdHeader(PeerNetworks(["192.0.2.0/24"]))
    headers = [("X-Api-IdentityId", IDENTITY_A), ("X-Forwarded-For", "198.51.100.1")]
    assert principal(source, headers) == IDENTITY_A


def test_peer_networks_are_refused_where_anyone_names_its_peer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    with pytest.raises(ConfigurationError, match="FORWARDED_ALLOW_IPS"):
        app_of(IdentityIdHeader(PeerNetworks(["192.0.2.0/24"])))


@pytest.mark.parametrize("networks", [[], ["0.0.0.0/0"], ["::/0"], ["10.0.0.1/8"], ["x"]])
def test_impossible_networks_are_refused(networks: list[str]) -> None:
    with pytest.raises(ConfigurationError):
        PeerNetworks(networks)


@pytest.mark.parametrize("pools", [[], "eu-west-1_Pool1"])
def test_pools_are_named(pools: Any) -> None:
    with pytest.raises(ConfigurationError):
        CognitoProviderHeader(TRUST, user_pools=pools)


def test_custom_names_are_read_by_everything(call: Call) -> None:
    names = HeaderNames(request_id="X-Correlation-Id", identity_id="X-Caller")
    context_type = custom_request_context("OrdersContext", header_names=names)
    app = app_of(BY_IDENTITY, context_type=context_type)
    headers = [
        *GATEWAY,
        ("X-Caller", IDENTITY_A),
        ("X-Api-IdentityId", IDENTITY_B),
        ("X-Correlation-Id", "c-1"),
        ("X-Request-Id", "r-1"),
    ]
    answer = call(app, "GET", "/me", headers=headers)
    assert answer.json() == {"principal": IDENTITY_A, "source": "identity_id"}
    assert answer.headers["x-correlation-id"] == "c-1"
    assert "x-request-id" not in answer.headers


def test_two_apps_in_one_process_keep_their_rules(call: Call) -> None:
    headers = [*GATEWAY, ("X-Api-IdentityId", IDENTITY_A)]
    trusting, anonymous = app_of(BY_IDENTITY), app_of(None)
    for _ in range(2):
        assert call(trusting, "GET", "/me", headers=headers).json()["principal"] == IDENTITY_A
        assert call(anonymous, "GET", "/me", headers=headers).json()["principal"] is None


def test_websocket_with_a_malformed_identity_is_closed(
    converse: Callable[..., list[dict[str, Any]]], http_scope: dict[str, Any]
) -> None:
    scope = http_scope | {
        "type": "websocket",
        "path": "/ws",
        "headers": [(b"x-gateway-secret", SECRET.encode()), (b"x-api-identityid", b"x")],
        "subprotocols": [],
    }
    sent = converse(app_of(BY_IDENTITY), scope, [{"type": "websocket.connect"}])
    assert sent[0]["type"] == "websocket.close"
    assert sent[0]["code"] == 1008


def test_context_is_of_the_type_that_was_asked_for() -> None:
    assert RequestContext.from_identity_id(IDENTITY_A).identity_source == "identity_id"


@pytest.mark.parametrize("source", [LambdaEventUser(user_pools=[POOL]), LambdaEventIdentity()])
def test_no_header_is_believed_where_the_event_is_the_source(
    principal: Callable[..., str | None], source: IdentitySource
) -> None:
    headers = [("X-Cognito-AuthProvider", provider(SUB_A)), ("X-Api-IdentityId", IDENTITY_A)]
    assert principal(source, [*GATEWAY, *headers]) is None


@pytest.mark.parametrize(
    "login",
    [
        "graph.facebook.com,graph.facebook.com:1:2",
        f"{provider(SUB_A)},graph.facebook.com,graph.facebook.com:1:2",
        f"{provider(SUB_A)},{provider(SUB_B)}",
        f"{provider(SUB_A)},{provider(SUB_B, 'eu-west-1_Other')}",
    ],
    ids=["federated", "linked", "joined by an HTTP API", "two pools"],
)
def test_login_that_names_no_single_user_is_refused(call: Call, login: str) -> None:
    headers = [*GATEWAY, ("X-Cognito-AuthProvider", login)]
    answer = call(app_of(BY_USER), "GET", "/me", headers=headers)
    assert answer.status_code == 400
    assert "facebook" not in answer.text


@pytest.mark.parametrize("name", ["X-Cognito-AuthProvider", "X-Api-IdentityId"])
def test_empty_header_of_the_gateway_is_nobody(call: Call, access_lines: Lines, name: str) -> None:
    source = BY_USER if name == "X-Cognito-AuthProvider" else BY_IDENTITY
    answer = call(app_of(source), "GET", "/me", headers=[*GATEWAY, (name, "")])
    assert answer.json()["principal"] is None
    assert "ignored_headers" not in access_lines()[0], "the gateway's own header is believed"


ODD: list[Any] = [None, 7, "text", [], ["authenticated"], {}, {"a": 1}, True, "\ud800", "x" * 9999]
odd = st.sampled_from(ODD)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "requestId": odd,
            "elb": odd,
            "identity": odd
            | st.fixed_dictionaries(
                {"cognitoIdentityId": odd, "cognitoAuthenticationProvider": odd}
            ),
            "authorizer": odd
            | st.fixed_dictionaries(
                {},
                optional={
                    "iam": odd
                    | st.fixed_dictionaries(
                        {
                            "cognitoIdentity": odd
                            | st.fixed_dictionaries({"identityId": odd, "amr": odd})
                        }
                    ),
                    "claims": odd | st.fixed_dictionaries({"iss": odd, "sub": odd}),
                    "jwt": odd | st.fixed_dictionaries({"claims": odd}),
                },
            ),
        },
    )
    | odd
)
def test_event_of_any_shape_is_nobody_or_refused(context: Any) -> None:
    for source in (LambdaEventUser(user_pools=[POOL]), LambdaEventIdentity()):
        scope = {"headers": [], "client": (None, 0), "aws.event": {"requestContext": context}}
        reading = ContextReader(RequestContext, source, None).read(scope)
        assert reading.context().principal is None
        assert is_request_id(reading.context().request_id)
        assert reading.fault is None or reading.fault.status == 400


@pytest.mark.parametrize("event", [None, 7, [], {}, {"requestContext": None}])
def test_event_without_a_context_leaves_the_headers(event: Any) -> None:
    headers = [(b"x-gateway-secret", SECRET.encode()), (b"x-api-identityid", IDENTITY_A.encode())]
    scope = {"headers": headers, "client": None, "aws.event": event}
    reading = ContextReader(RequestContext, BY_IDENTITY, None).read(scope)
    assert reading.context().principal == IDENTITY_A


def reading_of(source: IdentitySource, headers: Headers, **scope: Any) -> RequestContext:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    whole = {"headers": raw, "client": ("192.0.2.7", 1), **scope}
    return ContextReader(RequestContext, source, None).read(whole).context()


def test_whole_context_of_a_user_is_read_and_handed_on() -> None:
    sent = [("X-Cognito-AuthProvider", provider(SUB_A)), ("X-Request-Id", "r-1")]
    context = reading_of(BY_USER, [*GATEWAY, *sent])
    assert (context.user_pool_id, context.user_region) == (POOL, "eu-west-1")
    assert (context.identity_source, context.login) == ("cognito_provider", "user_pool")
    assert context.headers == dict(sent)


def test_headers_may_be_read_once_only() -> None:
    pairs = [(b"x-gateway-secret", SECRET.encode()), (b"X-API-IDENTITYID", IDENTITY_A.encode())]
    scope = {"headers": iter(pairs), "client": None}
    assert ContextReader(RequestContext, BY_IDENTITY, None).read(scope).context().principal
    assert list(scope["headers"] or ()) == pairs


def test_middleware_alone_checks_the_rule_of_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.1, *")
    with pytest.raises(ConfigurationError, match="FORWARDED_ALLOW_IPS"):
        LogMiddleware(app_of(None), identity=IdentityIdHeader(PeerNetworks(["10.0.0.0/8"])))


def test_provider_that_fails_leaves_the_health_routes_alone(
    call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> SecretStr:
        raise OSError("the vault is down")

    app = app_of(IdentityIdHeader(GatewaySecret("X-Gateway-Secret", fails)))
    assert call(app, "GET", "/health/live", headers=GATEWAY).status_code == 200
    assert call(app, "GET", "/me", headers=GATEWAY).status_code == 503
    assert "the rule of trust failed, so that nobody can be identified" in caplog.messages


@pytest.mark.parametrize("status", [400, 503])
def test_refusal_has_the_headers_of_cors_and_one_line(
    call: Call, access_lines: Lines, status: int
) -> None:
    def fails() -> SecretStr:
        raise OSError

    source = (
        BY_IDENTITY if status == 400 else IdentityIdHeader(GatewaySecret("X-Gateway-Secret", fails))
    )
    app = app_of(source, cors={"allow_origins": ["https://shop.example"]})
    sent = [*GATEWAY, ("X-Api-IdentityId", "nobody"), ("Origin", "https://shop.example")]
    answer = call(app, "GET", "/me", headers=sent)
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert [line["status"] for line in access_lines()] == [status]


@pytest.mark.parametrize("cors", [None, {"allow_origins": ["*"]}])
def test_websocket_of_a_malformed_identity_is_closed_with_the_reason(
    converse: Callable[..., list[dict[str, Any]]], http_scope: dict[str, Any], cors: Any
) -> None:
    headers = [(b"x-gateway-secret", SECRET.encode()), (b"x-api-identityid", b"nobody")]
    scope = http_scope | {"type": "websocket", "subprotocols": [], "headers": headers}
    sent = converse(app_of(BY_IDENTITY, cors=cors), scope, [{"type": "websocket.connect"}])
    reason = "not the id of an identity pool's identity"
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": reason}]


@pytest.mark.parametrize("name", ["", "X-S\u00e9cret", "X Secret", "X-Secret:"])
def test_secret_needs_the_name_of_a_header(name: str) -> None:
    with pytest.raises(ConfigurationError, match="name of a header"):
        GatewaySecret(name, lambda: SecretStr(SECRET))


@pytest.mark.parametrize("name", ["X-Request-Id", "User-Agent", "x-api-identityid"])
def test_secret_needs_a_header_of_its_own(name: str) -> None:
    source = IdentityIdHeader(GatewaySecret(name, lambda: SecretStr(SECRET)))
    with pytest.raises(ConfigurationError, match="its own"):
        app_of(source)


def test_white_space_around_a_secret_does_not_count(
    principal: Callable[..., str | None],
) -> None:
    source = IdentityIdHeader(GatewaySecret("X-Gateway-Secret", lambda: SecretStr(f" {SECRET}\n")))
    assert principal(source, [*GATEWAY, ("X-Api-IdentityId", IDENTITY_A)]) == IDENTITY_A


BEHIND = IdentityIdHeader(PeerNetworks(["10.0.3.0/24"]))


@pytest.mark.parametrize(
    ("peer", "forwarded", "believed"),
    [
        ("10.0.3.5", [], True),
        ("::ffff:10.0.3.5", [], True),
        ("::ffff:10.0.3.5", [("X-Forwarded-For", "10.0.3.5")], False),
        ("10.0.3.5", [("X-Forwarded-For", "[::ffff:10.0.3.5]:99")], False),
        ("10.0.3.5", [("Forwarded", 'by=x;for="10.0.3.5:99"')], False),
        ("10.0.3.5", [("Forwarded", "for=192.0.2.1")], True),
        ("10.0.4.5", [], False),
        ("unix", [], False),
        ("", [], False),
    ],
)
def test_peer_is_known_by_its_address(peer: str, forwarded: Headers, believed: bool) -> None:
    headers = [*forwarded, ("X-Api-IdentityId", IDENTITY_A)]
    context = reading_of(BEHIND, headers, client=(peer, 1))
    assert (context.principal is not None) is believed


def test_source_of_an_event_needs_pools() -> None:
    without: list[Any] = [[], "eu-west-1_Pool1"]
    for pools in without:
        with pytest.raises(ConfigurationError, match="user pools"):
            LambdaEventUser(user_pools=pools)


def test_network_that_could_never_match_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="IPv4 as such"):
        PeerNetworks(["::ffff:10.0.3.0/120"])
