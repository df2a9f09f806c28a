"""What the guide tells people to configure is what the trust rule needs."""

import re
from pathlib import Path
from typing import Any

import yaml

GUIDE = Path(__file__).parents[1] / "guides" / "who-is-calling.md"
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
REST, HTTP = (yaml.safe_load(block) for block in BLOCKS)
SECRET = "{{resolve:secretsmanager:orders-gateway}}"


def mapped(api: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return what the one method of each path does to which header."""
    found: dict[str, dict[str, str]] = {}
    for path, methods in api["paths"].items():
        (operation,) = methods.values()
        found[path] = operation["x-amazon-apigateway-integration"]["requestParameters"]
    return found


def test_a_rest_api_replaces_identity_secret_and_id_on_every_route() -> None:
    begin = "integration.request.header."
    assert mapped(REST) == {
        "/me": {
            f"{begin}X-Cognito-AuthProvider": "context.identity.cognitoAuthenticationProvider",
            f"{begin}X-Gateway-Secret": f"'{SECRET}'",
            f"{begin}X-Request-Id": "context.requestId",
        },
        "/health/live": {
            f"{begin}X-Cognito-AuthProvider": "'-'",
            f"{begin}X-Gateway-Secret": "'-'",
            f"{begin}X-Request-Id": "context.requestId",
        },
    }


def test_an_http_api_replaces_identity_secret_and_id_on_every_route() -> None:
    provider = "$context.identity.cognitoAuthenticationProvider"
    assert mapped(HTTP) == {
        "/me": {
            "overwrite:header.X-Cognito-AuthProvider": provider,
            "overwrite:header.X-Gateway-Secret": SECRET,
            "overwrite:header.X-Request-Id": "$context.requestId",
        },
        "/health/live": {
            "remove:header.X-Cognito-AuthProvider": "''",
            "remove:header.X-Gateway-Secret": "''",
            "overwrite:header.X-Request-Id": "$context.requestId",
        },
    }


def test_the_route_that_names_the_caller_asks_for_a_signature() -> None:
    assert REST["paths"]["/me"]["get"]["x-amazon-apigateway-auth"] == {"type": "AWS_IAM"}
    assert HTTP["paths"]["/me"]["get"]["security"] == [{"sigv4": []}]
    scheme = HTTP["components"]["securitySchemes"]["sigv4"]
    assert scheme["x-amazon-apigateway-authtype"] == "awsSigv4"
