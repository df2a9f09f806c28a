import subprocess
import sys

import pytest


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}"], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.mark.parametrize("module", ["saigon.rest.client", "saigon.rest.exceptions"])
def test_the_client_loads_nothing_of_aws(module: str) -> None:
    loaded = run(f"import {module}\nprint(*sys.modules)").split()
    heavy = {"boto3", "botocore", "saigon.aws", "aws_requests_auth", "httpx", "uvicorn", "fastapi"}
    assert heavy.isdisjoint(loaded)


def test_the_gateway_loads_nothing_of_aws() -> None:
    loaded = run("import saigon.rest.gateway\nprint(*sys.modules)").split()
    heavy = {"boto3", "botocore", "saigon.aws", "aws_requests_auth", "requests", "uvicorn"}
    assert heavy.isdisjoint(loaded)


@pytest.mark.parametrize(
    ("absent", "code", "extra"),
    [
        ("aws_requests_auth", "import saigon.rest.sigv4", "aws"),
        (
            "saigon.aws.cognito",
            "from saigon.rest.client import AuthRestClient; AuthRestClient('https://x', object())",
            "aws",
        ),
        (
            "httpx",
            "from saigon.rest.gateway import UpstreamProxy; UpstreamProxy('http://x')",
            "gateway",
        ),
        (
            "httpx",
            "from saigon.rest.client import AsyncRestClient; AsyncRestClient('https://x')",
            "async",
        ),
    ],
)
def test_what_is_missing_names_the_extra(absent: str, code: str, extra: str) -> None:
    out = run(
        f"sys.modules[{absent!r}] = None\n"
        f"try:\n    {code}\nexcept ImportError as exc:\n    print(exc)"
    )
    assert f"pip install 'saigon-rest[{extra}]'" in out


def test_the_public_names_are_there() -> None:
    from saigon.rest import client, gateway, sigv4

    for module in (client, gateway, sigv4):
        assert all(hasattr(module, name) for name in module.__all__)
