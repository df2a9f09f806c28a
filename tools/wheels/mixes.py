"""Install our distributions in mixes: at different versions, through extras, one taken away."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from packaging.version import Version

from tools.environments import CleanEnvironment, clean_environment
from tools.uv import UvError
from tools.wheels.versions import next_breaking, next_patch, with_version
from tools.wheels.wheel import named, wheels_in

__all__ = ["MIXES"]


def patch_of_a_dependent_fits(dist: Path) -> list[str]:
    """Install a later saigon-orm beside the saigon-model that is there."""
    return _installs_after(dist, "saigon-orm", next_patch)


def patch_of_a_dependency_fits(dist: Path) -> list[str]:
    """Install a later saigon-model below the saigon-orm that is there."""
    return _installs_after(dist, "saigon-model", next_patch)


def breaking_version_is_refused(dist: Path) -> list[str]:
    """Bump saigon-model past the siblings' pins: the resolver must say no, and name it."""
    try:
        problems = _installs_after(dist, "saigon-model", next_breaking)
    except UvError as error:
        return [] if "saigon-model" in str(error) else [f"refused for another reason: {error}"]
    return [*problems, "a saigon-model past the pin was accepted"]


def extra_brings_the_sibling(dist: Path) -> list[str]:
    """Install saigon-aws with and without [sqs]: only with it comes saigon-orm."""
    problems = []
    with clean_environment(dist) as environment:
        environment.install("saigon-aws")
        if "saigon-orm" in environment.versions():
            problems.append("saigon-aws brings saigon-orm without [sqs]")
        environment.install("saigon-aws[sqs]")
        if "saigon-orm" not in environment.versions():
            problems.append("saigon-aws[sqs] does not bring saigon-orm")
        return problems + _import_problems(environment, "saigon.orm", "saigon.aws.sqs")


def removing_one_leaves_the_others(dist: Path) -> list[str]:
    """Uninstall saigon-orm: it is gone, and its siblings are as they were."""
    with clean_environment(dist) as environment:
        environment.install("saigon-aws[sqs]")
        environment.uninstall("saigon-orm")
        problems = _import_problems(environment, "saigon.model", "saigon.aws")
        if not environment.import_errors(["saigon.orm"]):
            problems.append("saigon.orm is importable after its removal")
        return problems


MIXES: Final[tuple[Callable[[Path], list[str]], ...]] = (
    patch_of_a_dependent_fits,
    patch_of_a_dependency_fits,
    breaking_version_is_refused,
    extra_brings_the_sibling,
    removing_one_leaves_the_others,
)


def _installs_after(dist: Path, name: str, bump: Callable[[Version], Version]) -> list[str]:
    with _dist_with(dist, name, bump) as changed, clean_environment(changed) as environment:
        environment.install("saigon-orm")
        expected = {
            wheel.name: str(wheel.version)
            for wheel in wheels_in(changed)
            if wheel.name in {"saigon-model", "saigon-orm"}
        }
        versions = environment.versions()
        wrong = [each for each, version in expected.items() if versions.get(each) != version]
        problems = [f"expected {each} at {expected[each]}" for each in wrong]
        return problems + _import_problems(environment, "saigon.model", "saigon.orm")


@contextmanager
def _dist_with(dist: Path, name: str, bump: Callable[[Version], Version]) -> Iterator[Path]:
    """Give a copy of the folder of wheels with one of them at another version."""
    with tempfile.TemporaryDirectory(prefix="saigon-dist-") as temporary:
        folder = Path(temporary)
        for wheel in wheels_in(dist):
            if wheel.name != name:
                shutil.copy(wheel.path, folder)
        original = named(wheels_in(dist), name)
        with_version(original, bump(original.version), folder)
        yield folder


def _import_problems(environment: CleanEnvironment, *modules: str) -> list[str]:
    return [f"{module}: {error}" for module, error in environment.import_errors(modules).items()]
