"""Check what is in a wheel, without installing it."""

import ast
from collections.abc import Callable, Iterator
from typing import Final

from tools.wheels.wheel import Wheel

__all__ = ["content_problems"]


def content_problems(wheel: Wheel) -> list[str]:
    """Return what is wrong inside a wheel, in words."""
    return [problem for check in _CHECKS for problem in check(wheel)]


def _only_the_leaf(wheel: Wheel) -> Iterator[str]:
    """One file at the level of ``saigon/`` makes the siblings unimportable or goes with them."""
    for path in wheel.files:
        if not path.startswith((f"{wheel.leaf}/", f"{wheel.metadata_folder}/")):
            yield f"{path} stands outside {wheel.leaf}/"


def _typed(wheel: Wheel) -> Iterator[str]:
    if f"{wheel.leaf}/py.typed" not in wheel.files:
        yield f"{wheel.leaf}/py.typed is missing"


def _licensed(wheel: Wheel) -> Iterator[str]:
    if f"{wheel.metadata_folder}/licenses/LICENSE" not in wheel.files:
        yield "LICENSE is missing from the dist-info folder"


def _only_source(wheel: Wheel) -> Iterator[str]:
    for path in wheel.files:
        if "/tests/" in path or path.endswith((".pyc", ".pyo", ".so")):
            yield f"{path} does not belong in a wheel"


def _version_agrees(wheel: Wheel) -> Iterator[str]:
    in_source = _source_version(wheel)
    in_metadata = wheel.metadata["Version"]
    if not (str(wheel.version) == in_source == in_metadata):
        yield (
            f"the versions differ: {wheel.version} in the file's name, "
            f"{in_metadata} in its metadata, {in_source} in its source"
        )


def _python_is_bounded(wheel: Wheel) -> Iterator[str]:
    if (requires := wheel.metadata["Requires-Python"]) != ">=3.11":
        yield f"Requires-Python is {requires}, expected >=3.11"


def _siblings_are_pinned(wheel: Wheel) -> Iterator[str]:
    for sibling in wheel.siblings:
        operators = [specifier.operator for specifier in sibling.specifier]
        if operators != ["~="]:
            yield f"{sibling} is not pinned by one ~="


def _described(wheel: Wheel) -> Iterator[str]:
    if wheel.metadata["Description-Content-Type"] != "text/markdown":
        yield "the README is not in the metadata as Markdown"


_CHECKS: Final[tuple[Callable[[Wheel], Iterator[str]], ...]] = (
    _only_the_leaf,
    _typed,
    _licensed,
    _only_source,
    _version_agrees,
    _python_is_bounded,
    _siblings_are_pinned,
    _described,
)


def _source_version(wheel: Wheel) -> str | None:
    """Read ``__version__`` from the leaf without running it."""
    for node in ast.parse(wheel.read(f"{wheel.leaf}/__init__.py")).body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id="__version__")], value=ast.Constant(value=str(version))
            ):
                return version
            case _:
                continue
    return None
