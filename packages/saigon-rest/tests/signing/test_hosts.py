from collections.abc import Callable
from typing import Any

import pytest
from urllib3.connection import HTTPConnection

from saigon.rest.exceptions import SigningError

SCOPE = {"aws_region": "eu-west-1", "aws_service": "execute-api"}


def test_a_non_default_port_is_signed(
    host: str, signer: Callable[..., Any], signed: Callable[..., Any]
) -> None:
    plain = signed()
    ported = signed(url=f"https://{host}:8443/prod", auth=signer(f"{host}:8443"))
    default = signed(url=f"https://{host}:443/prod")
    assert plain.headers["Authorization"] == default.headers["Authorization"]
    assert plain.headers["Authorization"] != ported.headers["Authorization"]


@pytest.mark.parametrize("spelling", ["{0}", "{1}", "{0}:443", "{0}."])
def test_the_host_is_known_in_each_spelling(
    spelling: str, host: str, signer: Callable[..., Any], signed: Callable[..., Any]
) -> None:
    spelt = signed(auth=signer(spelling.format(host, host.upper()), **SCOPE))
    assert spelt.headers["Authorization"] == signed().headers["Authorization"]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("[::1]:443", "https://[::1]/"),
        ("[::1]", "https://[::1]:443/"),
        ("[::1]:8443", "https://[::1]:8443/"),
        ("example.com.", "https://example.com./"),
        ("example.com.:8443", "https://example.com.:8443/"),
    ],
)
def test_an_address_and_a_dotted_name_are_known_in_each_spelling(
    host: str, url: str, signer: Callable[..., Any], signed: Callable[..., Any]
) -> None:
    assert "Authorization" in signed(url=url, auth=signer(host, **SCOPE)).headers


def test_the_dot_of_a_full_name_is_not_signed_as_it_is_not_sent(
    host: str, signer: Callable[..., Any], signed: Callable[..., Any]
) -> None:
    assert HTTPConnection(f"{host}.").host == host
    dotted = signed(url=f"https://{host}./prod", auth=signer(f"{host}.", **SCOPE))
    assert dotted.headers["Authorization"] == signed().headers["Authorization"]


@pytest.mark.parametrize(
    "other",
    ["example.com", "{host}:8443", "{host}.example.com", "x.{host}", "[::1]", "{host}:80"],
)
def test_another_host_gets_no_signature(other: str, host: str, signed: Callable[..., Any]) -> None:
    with pytest.raises(SigningError, match=r"signs for .* goes to"):
        signed(url=f"https://{other.format(host=host)}/")


def test_a_host_header_is_what_is_signed(host: str, signed: Callable[..., Any]) -> None:
    vpce = "https://vpce-1.execute-api.eu-west-1.vpce.amazonaws.com/"
    r = signed(url=vpce, headers={"Host": host})
    assert r.headers["Authorization"] == signed(url=f"https://{host}/").headers["Authorization"]


def test_the_host_header_of_another_gets_no_signature(signed: Callable[..., Any]) -> None:
    with pytest.raises(SigningError, match=r"goes to example\.com"):
        signed(headers={"Host": "example.com"})


def test_a_key_that_would_go_out_as_another_is_refused(
    host: str, signer: Callable[..., Any], signed: Callable[..., Any]
) -> None:
    with pytest.raises(SigningError, match="begins with '/'"):
        signed(url=f"https://{host}//key", auth=signer(aws_service="s3"))
