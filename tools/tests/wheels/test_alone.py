import pytest

from tools.wheels.alone import judge

ERROR = "saigon.aws.exceptions.MissingExtraError: expected: pip install 'saigon-aws[sqs]'"


@pytest.mark.parametrize(
    ("error", "extra", "words"),
    [
        (None, None, None),
        (ERROR, "saigon-aws[sqs]", None),
        ("ModuleNotFoundError: No module named 'boto3'", None, "boto3"),
        ("ModuleNotFoundError: No module named 'saigon.orm'", "saigon-aws[sqs]", "names"),
        (ERROR, "saigon-aws[cognito]", "names"),
        (None, "saigon-aws[sqs]", "without"),
    ],
)
def test_only_the_extra_named_in_the_table_may_be_missing(
    error: str | None, extra: str | None, words: str | None
) -> None:
    problem = judge("saigon.aws.sqs", error, extra)
    assert (problem is None) if words is None else (problem is not None and words in problem)
