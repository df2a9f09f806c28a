import datetime as dt

import pytest
from packaging.version import Version

from tools.release.changelog import is_released, released, unreleased
from tools.release.errors import RefusedError

CHANGELOG = "# Log\n\n## Unreleased\n\n### Added\n\n- Rows.\n\n## 0.1.0 (2024-02-29)\n\n- First.\n"


def test_unreleased_entries_move_under_the_version() -> None:
    changed = released(CHANGELOG, Version("0.2.0"), dt.date(2024, 3, 1))
    assert changed == (
        "# Log\n\n## Unreleased\n\n## 0.2.0 (2024-03-01)\n\n### Added\n\n- Rows.\n\n"
        "## 0.1.0 (2024-02-29)\n\n- First.\n"
    )


def test_first_release_has_nothing_below_it() -> None:
    changed = released(
        "# Log\n\n## Unreleased\n\n- First \\1.\n", Version("0.1.0"), dt.date(2024, 3, 1)
    )
    assert changed == "# Log\n\n## Unreleased\n\n## 0.1.0 (2024-03-01)\n\n- First \\1.\n"


@pytest.mark.parametrize(
    "changelog",
    [
        "# Log\n\n## Unreleased\n",
        "# Log\n\n## Unreleased\n\n### Added\n\n## 0.1.0 (2024-02-29)\n\n- First.\n",
        "# Log\n\n## 0.1.0 (2024-02-29)\n\n- First.\n",
    ],
)
def test_nothing_unreleased_is_refused(changelog: str) -> None:
    with pytest.raises(RefusedError, match="Unreleased"):
        unreleased(changelog)


def test_released_version_has_a_heading() -> None:
    assert is_released(CHANGELOG, Version("0.1.0"))
    assert not is_released(CHANGELOG, Version("0.1"))
    assert not is_released(CHANGELOG, Version("0.2.0"))
