import subprocess
import sys

import pytest

SERVER = "from saigon.rest.testing import LocalServer; LocalServer(None).start()"
API = "from saigon.rest.testing import LocalApi; LocalApi(None, None)"
COMMAND = (
    "from saigon.rest.gateway.__main__ import main; "
    "main(['--upstream', 'http://127.0.0.1:1', '--port', '0', '--local-aws', '/nonexistent/x'])"
)


@pytest.mark.parametrize(
    ("absent", "code"),
    [
        ("uvicorn", SERVER),
        ("uvicorn", API),
        ("saigon.aws", API),
        ("saigon.aws.testing", API),
        ("moto", API),
        ("aws_requests_auth", API),
        ("saigon.aws.testing", COMMAND),
        ("moto", COMMAND),
    ],
)
def test_what_is_missing_names_the_extra(absent: str, code: str) -> None:
    program = (
        f"import sys\nsys.modules[{absent!r}] = None\n"
        f"try:\n    {code}\nexcept ImportError as exc:\n    print(exc)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert "pip install 'saigon-rest[testing]'" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_plugin_loads_neither_aws_nor_a_server() -> None:
    program = "import saigon.rest.testing, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert not loaded & {"boto3", "botocore", "saigon.aws", "uvicorn", "httpx", "requests"}
