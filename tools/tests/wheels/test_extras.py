from collections.abc import Callable

from tools.wheels.extras import extra_of, table_problems
from tools.wheels.wheel import Wheel


def test_modules_below_one_in_the_table_need_its_extra_too() -> None:
    assert extra_of("saigon.aws.sqs") == "saigon-aws[sqs]"
    assert extra_of("saigon.aws.sqs.records") == "saigon-aws[sqs]"


def test_modules_not_in_the_table_need_none() -> None:
    assert extra_of("saigon.aws.sqs_names") is None
    assert extra_of("saigon.aws") is None


def test_entry_that_names_nothing_is_reported(
    make_wheel: Callable[[dict[str, str | None]], Wheel],
) -> None:
    problems = table_problems([make_wheel({})])
    assert "no module saigon.aws.sqs" in problems
    assert "no extra saigon-aws[sqs]" in problems
