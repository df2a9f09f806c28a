import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from saigon.model import ProblemDetails, ProblemError

BLANK = "about:blank"
MEMBERS = list(ProblemDetails.model_fields)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)


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


@given(st.dictionaries(st.text() | st.sampled_from(MEMBERS), json_values))
def test_any_object_of_json_is_read(document: dict[str, Any]) -> None:
    problem = ProblemDetails.parse(json.dumps(document))
    assert problem is not None
    assert problem.type == (document["type"] if isinstance(document.get("type"), str) else BLANK)
    assert (problem.model_extra or {}).keys() == document.keys() - set(MEMBERS)
    assert ProblemDetails.parse(problem.to_json()) is not None


def test_members_of_the_wrong_type_are_left_out() -> None:
    problem = ProblemDetails.parse(
        b'{"type": null, "title": "No", "status": "x", "detail": {}, "errors": [{"pointer": "#"}]}'
    )
    assert problem == ProblemDetails(title="No")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"<html>",
        b'{"title": "\xff"}',
        b'{"title": "\\ud800"}',
        b"{" * 5000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"title": "' + b"x" * 65_536 + b'"}',
    ],
    ids=lambda content: repr(content[:12]),
)
def test_what_is_no_document_or_too_long_is_none(content: bytes) -> None:
    assert ProblemDetails.parse(content) is None


def test_a_service_may_not_write_members_of_the_wrong_type() -> None:
    with pytest.raises(ValidationError) as caught:
        ProblemDetails.model_validate({"status": "a-secret-by-mistake"})
    assert "a-secret-by-mistake" not in str(caught.value)


def test_no_member_takes_the_place_of_a_method() -> None:
    problem = ProblemDetails.parse(b'{"to_json": 1, "model_dump_json": 2, "__class__": 3}')
    assert problem is not None
    assert json.loads(problem.to_json())["to_json"] == 1
