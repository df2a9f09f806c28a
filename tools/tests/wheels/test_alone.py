import pytest

from tools.wheels.alone import judge_import, judge_use

NAMED = "saigon.aws.exceptions.MissingExtraError: expected: pip install 'saigon-aws[sqs]'"
PLAIN = "ModuleNotFoundError: No module named 'saigon.orm'"


def words_in(problem: str | None, words: str | None) -> bool:
    return problem is None if words is None else problem is not None and words in problem


@pytest.mark.parametrize(
    ("module", "error", "extra", "words"),
    [
        ("saigon.aws.s3", None, None, None),
        ("saigon.aws.s3", PLAIN, None, "saigon.orm"),
        ("saigon.aws.sqs", NAMED, "saigon-aws[sqs]", None),
        ("saigon.aws.sqs", NAMED, "saigon-aws[cognito]", "names"),
        ("saigon.aws.sqs", PLAIN, "saigon-aws[sqs]", "names"),
        ("saigon.aws.sqs", None, "saigon-aws[sqs]", "without"),
        ("saigon.aws.sqs._database.writer", PLAIN, "saigon-aws[sqs]", None),
        ("saigon.aws.sqs._database.writer", "TypeError: no", "saigon-aws[sqs]", "names"),
    ],
)
def test_import_may_miss_only_the_extra_of_the_table(
    module: str, error: str | None, extra: str | None, words: str | None
) -> None:
    assert words_in(judge_import(module, error, extra), words)


@pytest.mark.parametrize(("error", "words"), [(NAMED, None), (PLAIN, "names"), (None, "names")])
def test_use_without_its_extra_names_it(error: str | None, words: str | None) -> None:
    assert words_in(judge_use("saigon-aws[sqs]", error), words)
