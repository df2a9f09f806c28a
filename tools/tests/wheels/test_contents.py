from collections.abc import Callable

import pytest

from tools.wheels.contents import content_problems
from tools.wheels.wheel import Wheel

MakeWheel = Callable[[dict[str, str | None]], Wheel]
METADATA = "saigon_orm-0.1.0.dist-info/METADATA"


def test_sound_wheel_has_no_problems(make_wheel: MakeWheel) -> None:
    assert content_problems(make_wheel({})) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"saigon/__init__.py": ""}, "saigon/__init__.py stands outside saigon/orm/"),
        ({"saigon/py.typed": ""}, "saigon/py.typed stands outside saigon/orm/"),
        ({"saigon/aws/__init__.py": ""}, "stands outside"),
        ({"saigon/orm/py.typed": None}, "py.typed is missing"),
        ({"saigon_orm-0.1.0.dist-info/licenses/LICENSE": None}, "LICENSE is missing"),
        ({"saigon/orm/tests/test_rows.py": ""}, "does not belong"),
        ({"saigon/orm/__init__.py": '__version__ = "0.1.1"'}, "0.1.1 in its source"),
        ({"saigon/orm/__init__.py": ""}, "None in its source"),
    ],
)
def test_fault_is_named(make_wheel: MakeWheel, changes: dict[str, str | None], words: str) -> None:
    (problem,) = content_problems(make_wheel(changes))
    assert words in problem


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("saigon-model~=0.1.0", "saigon-model>=0.1.0", "not pinned"),
        ("saigon-model~=0.1.0", "saigon-model", "not pinned"),
        ("Requires-Python: >=3.11", "Requires-Python: >=3.9", "expected >=3.11"),
        ("Version: 0.1.0", "Version: 0.1.9", "0.1.9 in its metadata"),
        ("text/markdown", "text/plain", "README"),
    ],
)
def test_fault_in_metadata_is_named(make_wheel: MakeWheel, old: str, new: str, words: str) -> None:
    metadata = make_wheel({}).read(METADATA).decode().replace(old, new)
    (problem,) = content_problems(make_wheel({METADATA: metadata}))
    assert words in problem
