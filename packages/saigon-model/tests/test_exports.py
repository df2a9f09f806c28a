"""What the package names, and what importing it costs."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import saigon.model

MODULES = ["saigon.model"] + [
    f"saigon.model.{module.name}"
    for module in pkgutil.iter_modules(saigon.model.__path__)
    if not module.name.startswith("_")
]
# What the package itself leaves to its modules.
APART = {"MissingExtraError", "PageKey", "PageValue"}

WITHOUT_A_CLOCK = """
import datetime, os, random, sys, time, uuid
import itsdangerous, pydantic.main, pydantic_settings


def refuse(*_arguments, **_named):
    raise AssertionError("asked for the time or for chance at import")


class Datetime(datetime.datetime):
    now = utcnow = today = classmethod(refuse)


datetime.datetime = Datetime
for module, names in {
    os: ["urandom"],
    random: ["random", "randint", "choice", "getrandbits"],
    time: ["time", "time_ns", "monotonic"],
    uuid: ["uuid1", "uuid4"],
}.items():
    for name in names:
        setattr(module, name, refuse)
for name in sys.argv[1:]:
    __import__(name)
"""


@pytest.mark.parametrize("name", MODULES)
def test_a_module_names_what_it_has_in_order(name: str) -> None:
    module = importlib.import_module(name)
    names = module.__all__
    constants = sorted(each for each in names if each.isupper())
    assert names == constants + sorted(set(names) - set(constants))
    for each in names:
        assert getattr(module, each) is not None
    assert set(names) >= set(defined_in(module))


def defined_in(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
        and value.__qualname__ == name
        and not name.startswith("_")
        and not getattr(value, "__pydantic_generic_metadata__", {}).get("args")
    ]


def test_the_package_gives_what_its_modules_name() -> None:
    modules = [importlib.import_module(name) for name in MODULES[1:]]
    in_modules = {name: module for module in modules for name in module.__all__}
    for name in saigon.model.__all__:
        assert getattr(saigon.model, name) is getattr(in_modules[name], name)
    apart = {"saigon.model.http", "saigon.model.interface"}
    expected = {name for name, module in in_modules.items() if module.__name__ not in apart}
    assert set(saigon.model.__all__) == expected - APART


def test_everything_public_is_documented() -> None:
    for name in MODULES:
        module = importlib.import_module(name)
        assert module.__doc__
        for each in defined_in(module):
            assert inspect.getdoc(getattr(module, each))


def test_importing_the_models_does_not_load_the_reader_of_settings() -> None:
    run("-c", "import sys, saigon.model; sys.exit('pydantic_settings' in sys.modules)")
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = saigon.model.no_such_name


def test_importing_asks_neither_the_clock_nor_chance() -> None:
    run("-c", WITHOUT_A_CLOCK, *MODULES)


def run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
