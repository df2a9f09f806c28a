from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tools.bench.registry import Bench, Pair, Unavailable, bench, find_benches, require, same_result
from tools.bench.run import Run

ALL = find_benches()


def marks(each: Bench) -> list[pytest.MarkDecorator]:
    """Leave the many processes of the memory's benches to the long proofs."""
    return [pytest.mark.slow] if each.name.startswith("memory") else []


@pytest.mark.parametrize(
    "each", [pytest.param(each, id=each.name, marks=marks(each)) for each in ALL]
)
def test_both_sides_of_a_bench_run(
    each: Bench, run: Run, skipping: Callable[[], AbstractContextManager[None]]
) -> None:
    with skipping(), each.setup() as comparison:
        comparison.ours()
        comparison.peer()


def test_benches_are_chosen_by_the_beginning_of_their_names() -> None:
    names = [each.name for each in find_benches(["signing-get"])]
    assert names == [
        f"signing-get-{peer}" for peer in ("botocore", "requests-auth", "requests-aws4auth")
    ]


def test_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(LookupError, match="signing-get-botocore"):
        find_benches(["no-such"])


def test_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match=ALL[0].name):
        bench(ALL[0].name, peer="nobody", goal="none")(ALL[0].setup)


def test_sides_that_do_different_things_are_not_compared() -> None:
    with pytest.raises(ValueError, match="ours returns 1, the peer 2"):
        same_result(Pair(ours=lambda: 1, peer=lambda: 2))


def test_module_that_is_missing_leaves_its_bench_out() -> None:
    require("json")
    with pytest.raises(Unavailable, match="no_such_module is not installed"):
        require("no_such_module")
