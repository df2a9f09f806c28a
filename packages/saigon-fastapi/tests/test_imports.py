import importlib
import pkgutil
import subprocess
import sys

import pytest

import saigon.fastapi

PUBLIC = [
    module.name
    for module in pkgutil.iter_modules(saigon.fastapi.__path__)
    if not module.name.startswith("_")
]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_sorted_and_there(name: str) -> None:
    module = importlib.import_module(f"saigon.fastapi.{name}")
    ranked = sorted(module.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert module.__all__ == ranked
    assert all(hasattr(module, public) for public in module.__all__)


def test_nothing_of_the_extras_is_loaded() -> None:
    program = (
        "import sys, fastapi, saigon.fastapi.utils, saigon.fastapi.headers;"
        "heavy = {'sqlalchemy', 'boto3', 'saigon.orm', 'saigon.aws', 'pythonjsonlogger'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "import logging; assert hasattr(logging, 'LogRecord');"
        "assert hasattr(fastapi, 'FastAPI')"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
