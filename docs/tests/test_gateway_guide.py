"""What the guide tells people to configure is what the trust rule needs."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

GUIDE = Path(__file__).parents[1] / "guides" / "who-is-calling.md"
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
BOTH = pytest.mark.parametrize("block", BLOCKS, ids=["REST", "HTTP"])
CALLER = "context.identity.cognitoAuthenticationProvider"


def mappings(block: str) -> dict[str, dict[str, str]]:
    """Return what each route does to which header: the signed route's first."""
    found: dict[str, dict[str, str]] = {}
    for path, methods in yaml.safe_load(block)["paths"].items():
        for operation in methods.values():
            integration: dict[str, Any] = operation["x-amazon-apigateway-integration"]
            found[path] = integration["requestParameters"]
    return found


def replaced(parameters: dict[str, str], header: str) -> str:
    """Return what the header is replaced by, without what marks it as static."""
    ways = ("integration.request.header.", "overwrite:header.", "remove:header.")
    (value,) = (value for key, value in parameters.items() if key in {w + header for w in ways})
    return value.strip("'$")


def test_there_are_two_kinds_of_api() -> None:
    assert len(BLOCKS) == 2


@BOTH
def test_the_signed_route_names_the_caller_and_brings_the_secret(block: str) -> None:
    signed = mappings(block)["/me"]
    assert replaced(signed, "X-Cognito-AuthProvider") == CALLER
    assert "resolve:secretsmanager" in replaced(signed, "X-Gateway-Secret")


@BOTH
def test_the_other_route_lets_nothing_of_the_callers_through(block: str) -> None:
    unsigned = mappings(block)["/health/live"]
    for header in ("X-Cognito-AuthProvider", "X-Gateway-Secret"):
        assert replaced(unsigned, header) in {"", "-"}


@BOTH
def test_every_route_maps_the_request_id(block: str) -> None:
    for parameters in mappings(block).values():
        assert replaced(parameters, "X-Request-Id") == "context.requestId"


def test_nothing_is_appended() -> None:
    assert "append:" not in "".join(BLOCKS)
