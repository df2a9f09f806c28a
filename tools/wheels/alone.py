"""Install a wheel alone in a clean environment, import every module, and use what needs more."""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from tools.environments import CleanEnvironment, clean_environment
from tools.wheels.extras import extra_of, uses_of
from tools.wheels.wheel import Wheel, is_private

__all__ = ["alone_problems", "extra_problems", "judge_import", "judge_use"]


def alone_problems(wheel: Wheel) -> list[str]:
    """Import each module with no extra installed.

    What needs an extra must say so, and every other module must be importable.
    """
    with clean_environment(wheel.path.parent) as environment:
        environment.install(wheel.name)
        errors = _errors(environment, wheel.modules)
        judged = [
            judge_import(module, errors.get(module), extra_of(module)) for module in wheel.modules
        ]
        judged += [
            judge_use(extra, environment.error_of(code)) for extra, code in uses_of(wheel.name)
        ]
        return [problem for problem in judged if problem]


def extra_problems(wheel: Wheel) -> list[str]:
    """Install each extra by itself, and import the modules that name it."""
    needy = sorted((extra, module) for module in wheel.modules if (extra := extra_of(module)))
    problems = []
    for extra, group in groupby(needy, key=lambda pair: pair[0]):
        problems += _problems_with(wheel, extra, [module for _, module in group])
    return problems


def judge_import(module: str, error: str | None, extra: str | None) -> str | None:
    """Say what is wrong with the outcome of an import without extras; None if nothing is.

    A private module may fail in its own words: users come to it by a public one.
    """
    if extra is None:
        return f"{module}: {error}" if error else None
    if error is None:
        return f"{module} is imported without {extra}, which the table says it needs"
    if extra in error or (is_private(module) and error.startswith("ModuleNotFoundError")):
        return None
    return f"{module}: expected an error that names {extra}, it said: {error}"


def judge_use(extra: str, error: str | None) -> str | None:
    """Say what is wrong with the outcome of a use without its extra; None if nothing is."""
    if error is None or extra not in error:
        return f"expected an error that names {extra}, its use said: {error}"
    return None


def _problems_with(wheel: Wheel, extra: str, modules: list[str]) -> list[str]:
    with clean_environment(wheel.path.parent) as environment:
        environment.install(extra)
        errors = _errors(environment, modules)
        return [f"{module} with {extra}: {error}" for module, error in errors.items()]


def _errors(environment: CleanEnvironment, modules: list[str]) -> dict[str, str]:
    """Import public modules in a process each, so that none prepares another's way."""
    public = [module for module in modules if not is_private(module)]
    private = [module for module in modules if is_private(module)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        errors = dict(
            zip(public, pool.map(environment.error_of, map(_import, public)), strict=True)
        )
    found = {module: error for module, error in errors.items() if error}
    return found | environment.import_errors(private)


def _import(module: str) -> str:
    return f"import {module}"
