import inspect
import pickle

import pytest

from saigon.model import ProblemDetails
from saigon.rest import exceptions
from saigon.rest.exceptions import RestError


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


@pytest.mark.parametrize(
    "error",
    [
        RestError("text"),
        exceptions.NotLoggedInError("text"),
        exceptions.ConnectError("text", attempts=3),
        exceptions.NotFoundError(
            "text", status=404, problem=ProblemDetails(title="t"), request_id="r", attempts=2
        ),
        exceptions.ResponseValidationError("text", status=200, body=b"x", errors=[{"type": "t"}]),
        exceptions.WaitTimeoutError("text", last=[1]),
        exceptions.MissingExtraError("aws", "aws_requests_auth"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_pickling(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), vars(again)) == (str(error), vars(error))


def test_a_missing_extra_is_named() -> None:
    error = exceptions.MissingExtraError("aws", "aws_requests_auth")
    assert isinstance(error, ImportError)
    assert str(error) == (
        "aws_requests_auth is not installed; expected the extra: pip install 'saigon-rest[aws]'"
    )
