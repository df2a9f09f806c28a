import pickle

from saigon.model import extras


class MissingExtraError(extras.MissingExtraError):
    distribution = "saigon-orders"


def test_the_message_names_the_extra_to_install() -> None:
    error = extras.MissingExtraError("sqs", "saigon.orm")
    assert "saigon.orm is not installed" in str(error)
    assert "pip install 'saigon-orders[sqs]'" in str(MissingExtraError("sqs"))
    assert isinstance(error, ImportError)


def test_it_comes_whole_out_of_another_process() -> None:
    sent = extras.MissingExtraError("sqs", "saigon.orm")
    error = pickle.loads(pickle.dumps(sent))
    assert (error.extra, error.name, str(error)) == ("sqs", "saigon.orm", str(sent))
