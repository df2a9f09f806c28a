import pickle
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saigon.model.http import (
    CognitoProvider,
    CognitoProviderError,
    FederatedLogin,
    is_request_id,
    parse_cognito_logins,
)

SUB = "11111111-2222-3333-4444-555555555555"
ISSUER = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123"
VALUE = f"{ISSUER},{ISSUER}:CognitoSignIn:{SUB}"


def test_a_provider_string_is_read_and_written_alike() -> None:
    provider = CognitoProvider.parse(VALUE)
    assert provider == CognitoProvider("eu-west-1", "eu-west-1_AbCdEf123", SUB)
    assert str(provider) == VALUE


@pytest.mark.parametrize(
    "value",
    [
        "",
        VALUE + "," + VALUE,
        VALUE + " ",
        VALUE + "\n",
        VALUE.upper(),
        VALUE.replace(SUB, "../../admin"),
        f"{ISSUER},{ISSUER.replace('AbC', 'XyZ')}:CognitoSignIn:{SUB}",
        VALUE.replace("eu-west-1_", "us-east-1_"),
        VALUE.replace("cognito-idp.eu-west-1", "cognito-idp.us-east-1"),
        f"{ISSUER}:CognitoSignIn:{SUB}",
        "accounts.google.com,accounts.google.com:1234",
        VALUE.replace("amazonaws.com", "amazonaws.com.example"),
        VALUE.replace("1111", "\u0661\u0661\u0661\u0661", 1),
        VALUE.replace("eu-west-1", "eu--west-1"),
        VALUE.replace("eu-west-1", "eu-west-"),
        VALUE.replace("eu-west-1", "EU-WEST-1"),
        VALUE.replace("_AbCdEf123", "_"),
        VALUE.replace("_AbCdEf123", "_Ab\u00e7"),
        VALUE.replace("_AbCdEf123", "_AbCd/../x"),
        VALUE.replace(",", ",,"),
        VALUE.replace(",", ", "),
        VALUE.replace(":CognitoSignIn:", ":TOKEN:"),
        VALUE.replace(SUB, SUB.upper().replace("1", "A")),
        VALUE + ":CognitoSignIn:" + SUB,
        "https://" + VALUE,
        "\0" + VALUE,
        VALUE.replace("amazonaws.com", "amazonawsXcom"),
        "a" * 100_000,
        "cognito-idp." + "-a" * 50_000,
        VALUE.replace("AbCdEf123", "A" * 300),
        VALUE.replace("amazonaws.com", "amazonaws.com.cn"),
        VALUE.replace("eu-west-1", "cn-north-1"),
        VALUE.replace("eu-west-1", "cn-north-1").replace("amazonaws.com", "amazonaws.com.cn", 1),
    ],
    ids=lambda value: ascii(value) if len(value) < 600 else f"{len(value)} characters",
)
def test_any_other_form_is_refused_and_not_quoted(value: str) -> None:
    with pytest.raises(CognitoProviderError) as caught:
        CognitoProvider.parse(value)
    assert not value or value not in str(caught.value)


@given(st.integers(0, len(VALUE)), st.characters() | st.sampled_from(VALUE), st.integers(0, 1))
def test_a_changed_provider_string_is_refused_or_read_as_it_stands(
    place: int, char: str, replaced: int
) -> None:
    changed = VALUE[:place] + char + VALUE[place + replaced :]
    try:
        provider = CognitoProvider.parse(changed)
    except CognitoProviderError:
        return
    assert str(provider) == changed


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "ap-southeast-3", "cn-north-1"])
def test_every_region_is_read(region: str) -> None:
    provider = CognitoProvider(region, f"{region}_A1", SUB)
    assert CognitoProvider.parse(str(provider)) == provider
    assert pickle.loads(pickle.dumps(provider)) == provider


SAML = "arn:aws:iam::123456789012:saml-provider/Staff"
GOOGLE = "accounts.google.com"
FACEBOOK = "graph.facebook.com"


@pytest.mark.parametrize(
    ("value", "logins"),
    [
        (VALUE, (CognitoProvider.parse(VALUE),)),
        (f"{FACEBOOK},{FACEBOOK}:163427:181002", (FederatedLogin(FACEBOOK, "163427:181002"),)),
        (f"{SAML},{SAML}:jo@example.com", (FederatedLogin(SAML, "jo@example.com"),)),
        (
            f"{VALUE},{GOOGLE},{GOOGLE}:app:7",
            (CognitoProvider.parse(VALUE), FederatedLogin(GOOGLE, "app:7")),
        ),
        (
            f"{GOOGLE},{FACEBOOK},{GOOGLE}:7,{FACEBOOK}:8",
            (FederatedLogin(GOOGLE, "7"), FederatedLogin(FACEBOOK, "8")),
        ),
    ],
    ids=["a user pool", "facebook", "saml", "two that are linked", "two, by names and subjects"],
)
def test_logins_are_told_apart_by_their_providers(value: str, logins: tuple[object, ...]) -> None:
    assert parse_cognito_logins(value) == logins


@pytest.mark.parametrize(
    "value",
    [
        "",
        ",",
        GOOGLE,
        f"{GOOGLE}:7",
        f"{GOOGLE},{GOOGLE}:",
        f"{GOOGLE},{GOOGLE}:7,{GOOGLE}:8",
        f"{GOOGLE},{GOOGLE}:7,{FACEBOOK}",
        f"{GOOGLE},{GOOGLE}:7,",
        f"{GOOGLE}, {GOOGLE}:7",
        f"{GOOGLE},{GOOGLE}:7\n",
        f"{GOOGLE},{GOOGLE}:\u0667",
        f"{VALUE},{VALUE}",
        f"{VALUE},{GOOGLE}",
        f"{ISSUER},{ISSUER}:CognitoSignIn:root",
        f"{ISSUER},{ISSUER}:Other:{SUB}",
        VALUE.replace("amazonaws.com", "amazonaws.com.example"),
        ",".join(f"p{number},p{number}:s" for number in range(21)),
        "a," * 2000 + "a",
    ],
    ids=lambda value: ascii(value) if len(value) < 600 else f"{len(value)} characters",
)
def test_anything_else_is_no_login(value: str) -> None:
    with pytest.raises(CognitoProviderError) as caught:
        parse_cognito_logins(value)
    assert not value or value not in str(caught.value)


@given(st.text(st.sampled_from("ab:,")) | st.text())
def test_no_value_is_read_in_two_ways(value: str) -> None:
    try:
        logins = parse_cognito_logins(value)
    except CognitoProviderError:
        return
    for login in logins:
        assert isinstance(login, FederatedLogin)
        assert {login.provider, f"{login.provider}:{login.subject}"} <= set(value.split(","))
    assert len(value.split(",")) == 2 * len(logins)


@given(st.text() | st.text(string.printable))
def test_an_id_that_is_taken_over_is_safe_in_a_header_and_a_log(value: str) -> None:
    safe = set(string.ascii_letters + string.digits + "._:=/+-")
    assert is_request_id(value) == (set(value) <= safe and 0 < len(value) <= 128)


@pytest.mark.parametrize("value", ["a", "Root=1-5759e988-bd862e3fe1be46a994272793", "x" * 128])
def test_an_id_of_safe_characters_is_taken_over(value: str) -> None:
    assert is_request_id(value)


@pytest.mark.parametrize("value", ["", "x" * 129, "a b", "a\n", "a\r\nSet-Cookie: x", "ü", "<b>"])
def test_any_other_id_is_not(value: str) -> None:
    assert not is_request_id(value)
