import subprocess
import sys

import pytest

HEAVY = "{'boto3', 'botocore', 'jwt', 'requests', 'pycognito', 'sqlalchemy', 'moto', 'fastapi'}"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["saigon.aws.cognito", "saigon.aws.logging"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    assert run(f"import sys, {module}; print({HEAVY} & set(sys.modules))") == "set()"


def test_making_a_client_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from saigon.aws.cognito import CognitoClient, CognitoClientConfig\n"
        "CognitoClient(CognitoClientConfig(user_pool_id='eu-west-1_AbCdEfGhI', client_id='c',\n"
        "    identity_pool_id='eu-west-1:5f1c'))\n"
        f"print({HEAVY} & set(sys.modules))"
    )

    assert run(code) == "set()"


@pytest.mark.parametrize(
    ("call", "loaded"),
    [
        ("idp.login_user('ada', 'x')", {"boto3", "botocore"}),
        ("idp.sign_up('ada', 'x')", {"boto3", "botocore"}),
        ("idp.verify_access_token(TOKEN)", {"jwt", "requests"}),
        ("idp.verify_access_token('a.b.c')", set()),
        ("idp.login_user('', 'x')", set()),
        ("idp.get_user('x')", set()),
    ],
    ids=["sign-in", "sign-up", "verification", "no-token", "bad-name", "bad-token"],
)
def test_a_call_loads_what_it_needs_and_nothing_else(call: str, loaded: set[str]) -> None:
    code = (
        "import base64, json, sys\n"
        "from saigon.aws.cognito import CognitoError, CognitoIdp, CognitoIdpConfig\n"
        "head = json.dumps({'alg': 'RS256', 'kid': 'key-1'}).encode()\n"
        "TOKEN = base64.urlsafe_b64encode(head).decode().rstrip('=') + '.e30.c2ln'\n"
        "nowhere = 'http://127.0.0.1:1'\n"
        "idp = CognitoIdp(CognitoIdpConfig(user_pool_id='eu-west-1_AbCdEfGhI', client_id='c',\n"
        "    endpoint_url=nowhere, jwks_url=nowhere))\n"
        "try:\n"
        f"    {call}\n"
        "except CognitoError:\n"
        f"    print(*sorted({HEAVY} & set(sys.modules)))\n"
    )

    assert set(run(code).split()) == loaded


@pytest.mark.parametrize(
    ("missing", "call"),
    [
        ("requests", "idp.verify_id_token('eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.c2ln')"),
        ("cryptography", "idp.verify_id_token('eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.c2ln')"),
        ("jwt", "idp.verify_id_token('eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.c2ln')"),
        ("pycognito", "idp.login_user('ada', 'x', auth_flow='USER_SRP_AUTH')"),
        ("pycognito", "idp.login_user('ada', 'x', device=DEVICE)"),
        ("pycognito", "idp.confirm_device(TOKENS)"),
    ],
)
def test_a_missing_dependency_names_the_extra(missing: str, call: str) -> None:
    code = (
        "import sys\n"
        f"sys.modules[{missing!r}] = None\n"
        "from saigon.aws.cognito import *\n"
        "idp = CognitoIdp(CognitoIdpConfig(user_pool_id='eu-west-1_AbCdEfGhI', client_id='c',\n"
        "    endpoint_url='http://127.0.0.1:1'))\n"
        "DEVICE = DeviceCredentials(device_key='d', device_group_key='g', password='p')\n"
        "TOKENS = AuthTokens(id_token='i', access_token='a', refresh_token='r', username='ada',\n"
        "    sub='s', expires_at='2030-01-01T00:00:00Z', device_key='d', device_group_key='g')\n"
        "try:\n"
        f"    {call}\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )

    assert "pip install 'saigon-aws[cognito]'" in run(code)
