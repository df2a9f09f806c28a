"""Which module needs which extra to be imported at all.

A module stands here for itself and all below it. What is not here must be importable with its
distribution alone; what is here must fail without the extra, with an error that names it.
"""

from collections.abc import Iterable
from typing import Final

from tools.wheels.wheel import Wheel

__all__ = ["extra_of", "table_problems"]

_EXTRAS: Final = {
    "saigon.aws.sqs": "saigon-aws[sqs]",
}


def extra_of(module: str) -> str | None:
    """Return the extra that a module needs, as ``saigon-aws[sqs]``; None if it needs none."""
    name = module
    while name:
        if name in _EXTRAS:
            return _EXTRAS[name]
        name = name.rpartition(".")[0]
    return None


def table_problems(wheels: Iterable[Wheel]) -> list[str]:
    """Return the entries of the table that name nothing."""
    wheels = list(wheels)
    modules = {module for wheel in wheels for module in wheel.modules}
    extras = {f"{wheel.name}[{extra}]" for wheel in wheels for extra in wheel.extras}
    wrong_modules = [f"no module {module}" for module in _EXTRAS if module not in modules]
    wrong_extras = [f"no extra {extra}" for extra in _EXTRAS.values() if extra not in extras]
    return wrong_modules + wrong_extras
