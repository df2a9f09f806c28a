"""Each public module says in its ``__all__`` what it offers."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

PACKAGES = Path(__file__).parents[2] / "packages"


def public_modules() -> Iterator[str]:
    for source in PACKAGES.glob("*/src"):
        for path in source.rglob("*.py"):
            parts = path.relative_to(source).with_suffix("").parts
            names = parts[:-1] if parts[-1] == "__init__" else parts
            if not any(name.startswith("_") for name in names):
                yield ".".join(names)


def rank(name: str) -> tuple[int, str]:
    """Order constants before classes before functions, as ruff does."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def definitions(module: ModuleType) -> set[str]:
    """Return the public classes and functions that the module's own source defines."""
    tree = ast.parse(inspect.getsource(module))
    nodes = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    names = {node.name for node in tree.body if isinstance(node, nodes)}
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("name", sorted(public_modules()))
def test_exported_names_are_sorted_and_there(name: str) -> None:
    module = importlib.import_module(name)
    exported: list[str] = getattr(module, "__all__", [])
    assert exported == sorted(set(exported), key=rank)
    assert [each for each in exported if not hasattr(module, each)] == []


@pytest.mark.parametrize("name", sorted(public_modules()))
def test_public_definitions_are_exported(name: str) -> None:
    module = importlib.import_module(name)
    assert definitions(module) <= set(getattr(module, "__all__", []))
