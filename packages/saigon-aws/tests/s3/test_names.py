"""File names made of keys."""

from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saigon.aws.s3._names import is_portable_segment, safe_file_name


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("report.csv", "report.csv"),
        ("a/b/report.csv", "report.csv"),
        ("2024-01-01T00:00:00.json", "2024-01-01T00:00:00.json"),
        ("../x", "x"),
        ("/etc/passwd", "passwd"),
        ("a/..", "object"),
        ("a/.", "object"),
        ("a/", "object"),
        ("..\\..\\x", "x"),
        ("a\0b\n", "a_b_"),
        ("é" * 200 + ".csv", "é" * 125 + ".csv"),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_name_is_the_last_segment_made_safe(key: str, name: str) -> None:
    assert safe_file_name(key, windows=False) == name


@pytest.mark.parametrize(
    ("key", "name"),
    [("C:x", "C_x"), ("nul.txt", "_nul.txt"), ("COM1", "_COM1"), ("x. .", "x"), ('a"b|c', "a_b_c")],
)
def test_on_windows_a_name_is_one_that_windows_takes(key: str, name: str) -> None:
    assert safe_file_name(key, windows=True) == name


@given(st.text(min_size=1))
def test_no_key_leaves_the_directory(key: str) -> None:
    name = safe_file_name(key, windows=False)
    assert (Path("root") / name).parent == Path("root")
    assert name not in {"", ".", ".."}
    assert len(name.encode()) <= 255


@given(st.text(min_size=1))
def test_no_key_leaves_the_directory_on_windows(key: str) -> None:
    name = safe_file_name(key, windows=True)
    assert (PureWindowsPath("root") / name).parent == PureWindowsPath("root")


@pytest.mark.parametrize("segment", ["", ".", "..", "a\\b", "a\0", "a\x1b", "\x85", "\ud800"])
def test_a_segment_that_is_no_plain_name_is_told(segment: str) -> None:
    assert not is_portable_segment(segment, windows=False)


@pytest.mark.parametrize("segment", ["a:b", "aux", "LPT9.txt", "a ", "a.", "con .txt"])
def test_a_segment_can_be_plain_everywhere_but_on_windows(segment: str) -> None:
    assert is_portable_segment(segment, windows=False)
    assert not is_portable_segment(segment, windows=True)
