"""Without the extra the module says which one is missing."""

import subprocess
import sys

import pytest

BLOCKED = """
import sys
sys.modules[{blocked!r}] = None
from saigon.aws.exceptions import MissingExtraError
try:
    import saigon.aws.sqs
except MissingExtraError as error:
    print(error)
"""


@pytest.mark.parametrize("blocked", ["saigon.orm", "sqlalchemy"])
def test_a_missing_extra_is_named(blocked: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", BLOCKED.format(blocked=blocked)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pip install 'saigon-aws[sqs]'" in run.stdout


def test_the_import_makes_no_client_and_loads_no_boto3() -> None:
    code = "import sys, saigon.aws.sqs; print(sorted({'boto3', 'botocore'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_what_is_public_is_sorted_and_there() -> None:
    import saigon.aws.sqs as module

    assert module.__all__ == sorted(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)
