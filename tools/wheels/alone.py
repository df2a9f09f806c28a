"""Install a wheel alone in a clean environment and import every module in it."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from tools.environments import CleanEnvironment, clean_environment
from tools.wheels.extras import extra_of
from tools.wheels.wheel import Wheel

__all__ = ["alone_problems", "extra_problems", "judge"]


def alone_problems(wheel: Wheel) -> list[str]:
    """Import each module with no extra installed.

    A module whose extra is missing must say so, and every other must be importable.
    """
    with clean_environment(wheel.path.parent) as environment:
        environment.install(wheel.name)
        outcomes = _import_all(environment, wheel.modules)
        judged = (judge(module, error, extra_of(module)) for module, error in outcomes)
        return [problem for problem in judged if problem]


def extra_problems(wheel: Wheel) -> list[str]:
    """Install each extra by itself, and import the modules that name it."""
    needy = sorted((extra_of(module) or "", module) for module in wheel.modules)
    problems = []
    for requirement, group in groupby(needy, key=lambda pair: pair[0]):
        if requirement:
            problems += _problems_with(wheel, requirement, [module for _, module in group])
    return problems


def judge(module: str, error: str | None, extra: str | None) -> str | None:
    """Say what is wrong with the outcome of an import without extras; None if nothing is."""
    if extra is None:
        return f"{module}: {error}" if error else None
    if error is None:
        return f"{module} is imported without {extra}, which the table says it needs"
    if extra not in error:
        return f"{module}: expected an error that names {extra}, it said: {error}"
    return None


def _problems_with(wheel: Wheel, requirement: str, modules: list[str]) -> list[str]:
    with clean_environment(wheel.path.parent) as environment:
        environment.install(requirement)
        outcomes = _import_all(environment, modules)
        return [f"{module} with {requirement}: {error}" for module, error in outcomes if error]


def _import_all(
    environment: CleanEnvironment, modules: Iterable[str]
) -> Iterator[tuple[str, str | None]]:
    """Import each module in a process of its own, so that none prepares another's way."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        modules = list(modules)
        yield from zip(modules, pool.map(environment.import_error, modules), strict=True)
