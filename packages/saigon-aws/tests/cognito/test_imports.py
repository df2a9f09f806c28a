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
    ("missing", "call"),
    [
        ("jwt", "idp.verify_id_token('a.b.c')"),
        ("pycognito", "idp.login_user('ada', 'x', auth_flow='USER_SRP_AUTH')"),
    ],
)
def test_a_missing_dependency_names_the_extra(missing: str, call: str) -> None:
    code = (
        "import sys\n"
        f"sys.modules[{missing!r}] = None\n"
        "from saigon.aws.cognito import CognitoIdp, CognitoIdpConfig\n"
        "idp = CognitoIdp(CognitoIdpConfig(user_pool_id='eu-west-1_AbCdEfGhI', client_id='c'))\n"
        "try:\n"
        f"    {call}\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )

    assert "pip install 'saigon-aws[cognito]'" in run(code)
