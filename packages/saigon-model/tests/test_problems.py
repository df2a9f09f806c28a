import json

from saigon.model import ProblemDetails, ProblemError


def test_a_document_holds_the_members_that_are_set() -> None:
    problem = ProblemDetails(
        title="Bad Request",
        status=400,
        errors=[ProblemError(type="missing", loc=["body", 0], msg="Field required")],
    )
    assert json.loads(problem.to_json()) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "errors": [{"type": "missing", "loc": ["body", 0], "msg": "Field required"}],
    }


def test_another_services_members_are_kept() -> None:
    problem = ProblemDetails.model_validate_json('{"title": "Out of credit", "balance": 30}')
    assert problem.model_extra == {"balance": 30}
