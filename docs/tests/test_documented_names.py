"""What a package names in ``__all__`` stands on its page, and nothing else."""

import ast
import importlib
import inspect
import pkgutil
import re
from itertools import pairwise
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[1] / "packages"
PAGES = {
    "saigon.model": "saigon-model.md",
    "saigon.aws.cognito": "saigon-aws-cognito.md",
    "saigon.fastapi": "saigon-fastapi.md",
    "saigon.rest": "saigon-rest.md",
}
WHOLE = {
    "saigon.aws.rds": "saigon-aws-secrets.md",
    "saigon.aws.s3": "saigon-aws-s3.md",
    "saigon.aws.secrets": "saigon-aws-secrets.md",
    "saigon.aws.sqs": "saigon-aws-sqs.md",
}
"""Packages whose names all stand in the package itself, those of its errors too."""
AUTOMODULE = re.compile(r"^\.\. automodule:: (\S+)\n +:members:(.*)$", re.MULTILINE)


@pytest.mark.parametrize("package", PAGES)
def test_a_page_documents_the_modules_of_its_package(package: str) -> None:
    documented = AUTOMODULE.findall((PACKAGES / PAGES[package]).read_text())
    modules = pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}.")
    public = [name.name for name in modules if "._" not in name.name]
    assert sorted(documented) == [(name, "") for name in sorted(public)], "all of each module"


@pytest.mark.parametrize("package", WHOLE)
def test_a_page_documents_a_package_with_all_that_it_names(package: str) -> None:
    assert (package, "") in AUTOMODULE.findall((PACKAGES / WHOLE[package]).read_text())
    errors = importlib.import_module(f"{package}.exceptions").__all__
    assert set(errors) <= set(importlib.import_module(package).__all__)


@pytest.mark.parametrize("package", [*PAGES, *WHOLE])
def test_all_that_a_module_names_has_a_text(package: str) -> None:
    constants = constants_of(package)
    for name, _ in AUTOMODULE.findall((PACKAGES / {**PAGES, **WHOLE}[package]).read_text()):
        module = importlib.import_module(name)
        for each in module.__all__:
            text = constants[each] if each in constants else inspect.getdoc(getattr(module, each))
            assert text, f"{name}.{each} is not described"


def constants_of(package: str) -> dict[str, str | None]:
    """Give the constants of all of its modules: one may hand on those of another."""
    found: dict[str, str | None] = {}
    path = importlib.import_module(package).__path__
    for name in pkgutil.walk_packages(path, f"{package}."):
        found |= constants_with_their_texts(inspect.getsource(importlib.import_module(name.name)))
    return found


def constants_with_their_texts(source: str) -> dict[str, str | None]:
    """Give each constant the text below it, which is what Sphinx takes as its description."""
    found: dict[str, str | None] = {}
    for node, following in pairwise([*ast.parse(source).body, ast.Pass()]):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found[name] = text_of(following)
    return found


def text_of(node: ast.stmt) -> str | None:
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return text
    return None
