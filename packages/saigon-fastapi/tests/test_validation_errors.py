import asyncio
import json
from typing import Any

from fastapi.exceptions import RequestValidationError
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from saigon.fastapi._validation_errors import FIXED_MESSAGE, safe_errors
from saigon.fastapi.problems import validation_error_exception_handler

any_text = st.text(st.characters(exclude_categories=()))  # lone surrogates too
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(any_text, inner),
    max_leaves=20,
)
error = st.fixed_dictionaries(
    {
        "type": any_text | st.sampled_from(["value_error", "missing", "union_tag_invalid"]),
        "loc": st.lists(any_text | st.integers(), max_size=30).map(tuple),
        "msg": any_text,
        "input": anything,
    },
    optional={"ctx": st.dictionaries(st.sampled_from(["error", "tag", "gt"]), anything)},
)


@settings(deadline=None, max_examples=50)
@given(st.lists(error, max_size=80), st.integers(1, 60))
def test_answer_is_always_small_json(errors: list[dict[str, Any]], times: int) -> None:
    request = Request({"type": "http", "headers": []})
    exc = RequestValidationError(errors * times)
    answer = asyncio.run(validation_error_exception_handler(request, exc))
    document = json.loads(bytes(answer.body))
    assert len(answer.body) < 8000
    assert len(document["errors"]) <= 50


@settings(deadline=None, max_examples=50)
@given(st.text(min_size=8), any_text, any_text)
def test_quoted_input_is_never_in_the_message(value: str, before: str, after: str) -> None:
    message = f"{before}{value}{after}"
    fault = {"type": "value_error", "loc": (), "msg": message, "input": {"nested": [value]}}
    (safe,) = safe_errors([fault])
    assert value not in safe.msg or value in FIXED_MESSAGE
