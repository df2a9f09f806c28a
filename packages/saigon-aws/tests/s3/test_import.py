"""What importing costs, and what is public."""

import subprocess
import sys

import pytest

import saigon.aws.s3
from saigon.aws.s3 import exceptions


@pytest.mark.parametrize("module", ["saigon.aws.s3", "saigon.aws.secrets", "saigon.aws.rds"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    heavy = {"boto3", "botocore", "requests", "sqlalchemy", "urllib3"}
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    got = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert got.stdout.strip() == "[]"


def test_every_error_is_public() -> None:
    assert set(exceptions.__all__) <= set(saigon.aws.s3.__all__)


def test_public_names_are_sorted_and_there() -> None:
    assert saigon.aws.s3.__all__ == sorted(saigon.aws.s3.__all__)
    assert all(hasattr(saigon.aws.s3, name) for name in saigon.aws.s3.__all__)
