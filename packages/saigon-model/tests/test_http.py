import pytest

from saigon.model.http import CognitoProvider, CognitoProviderError, is_request_id

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
        "a" * 100_000,
    ],
)
def test_any_other_form_is_refused_and_not_quoted(value: str) -> None:
    with pytest.raises(CognitoProviderError) as caught:
        CognitoProvider.parse(value)
    assert not value or value not in str(caught.value)


@pytest.mark.parametrize("value", ["a", "Root=1-5759e988-bd862e3fe1be46a994272793", "x" * 128])
def test_an_id_of_safe_characters_is_taken_over(value: str) -> None:
    assert is_request_id(value)


@pytest.mark.parametrize("value", ["", "x" * 129, "a b", "a\n", "a\r\nSet-Cookie: x", "ü", "<b>"])
def test_any_other_id_is_not(value: str) -> None:
    assert not is_request_id(value)
