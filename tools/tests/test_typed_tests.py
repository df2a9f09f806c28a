from pathlib import Path

from tools.typed_tests import groups_of_different_names


def test_no_name_is_twice_in_a_group_and_no_file_is_left_out() -> None:
    paths = [
        Path(f"{folder}/{name}") for folder in "abc" for name in ("conftest", f"test_{folder}")
    ]
    groups = groups_of_different_names(paths)
    assert [len({path.name for path in group}) for group in groups] == list(map(len, groups))
    assert sorted(path for group in groups for path in group) == sorted(paths)
    assert len(groups) == 3
