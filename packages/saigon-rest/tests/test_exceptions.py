import copy
import inspect
import pickle

import pytest

from saigon.model import ProblemDetails
from saigon.rest import exceptions


def test_every_error_is_in_the_tree_at_the_head() -> None:
    tree = exceptions.__doc__ or ""
    assert all(name in tree for name in exceptions.__all__)


def test_every_public_error_is_listed() -> None:
    defined = {
        name
        for name, value in vars(exceptions).items()
        if inspect.isclass(value) and value.__module__ == exceptions.__name__
    }
    assert defined == set(exceptions.__all__)
    assert sorted(exceptions.__all__) == list(exceptions.__all__)


STATUS = {
    "status": 404,
    "problem": ProblemDetails(title="t"),
    "code": "c",
    "request_id": "r",
    "retry_after": 1.5,
    "attempts": 2,
    "unknown_route": True,
}
FACTS: dict[type[Exception], dict[str, object]] = {
    exceptions.StatusError: STATUS,
    exceptions.TransportError: {"attempts": 3},
    exceptions.ResponseValidationError: {"status": 200, "body": b"x", "errors": [{"type": "t"}]},
    exceptions.ResponseTooLargeError: {"status": 206, "request_id": "r"},
    exceptions.WaitTimeoutError: {"last": [1]},
    exceptions.WaitFailedError: {"last": {"a": 1}},
}


@pytest.mark.parametrize("name", sorted(set(exceptions.__all__) - {"MissingExtraError"}))
def test_an_error_survives_pickling_with_its_facts(name: str) -> None:
    kind = getattr(exceptions, name)
    facts = next((facts for base, facts in FACTS.items() if issubclass(kind, base)), {})
    error = kind("text", **facts)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (type(again), str(again), vars(again)) == (kind, "text", vars(error))
        assert vars(again).items() >= facts.items()


def test_a_missing_extra_survives_it_too() -> None:
    error = exceptions.MissingExtraError("aws", "aws_requests_auth")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_a_missing_extra_is_named() -> None:
    error = exceptions.MissingExtraError("aws", "aws_requests_auth")
    assert isinstance(error, ImportError)
    assert str(error) == (
        "aws_requests_auth is not installed; expected the extra: pip install 'saigon-rest[aws]'"
    )
