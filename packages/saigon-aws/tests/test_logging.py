import logging
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from saigon.aws.logging import install_log_redaction

LOGGER = logging.getLogger("botocore.parsers")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    loggers = [LOGGER, logging.getLogger("botocore.endpoint"), logging.getLogger("botocore.auth")]
    before = [list(logger.filters) for logger in loggers]
    yield
    for logger, filters in zip(loggers, before, strict=True):
        logger.filters[:] = filters


@pytest.mark.parametrize(
    ("message", "args", "logged"),
    [
        ("Response body:\n%s", ("s3cret",), "Response body:\n[redacted]"),
        ("%s took %.2f s, %d bytes", ("s3cret", 0.25, 7), "[redacted] took 0.25 s, 7 bytes"),
        ("%(token)s", ({"token": "s3cret"},), "[redacted]"),
        ("Signature:\n%r", (b"s3cret",), "Signature:\n[redacted]"),
        ("nothing filled in, 100%", (), "nothing filled in, 100%"),
    ],
)
def test_what_was_filled_in_is_taken_out(
    caplog: pytest.LogCaptureFixture, message: str, args: tuple[Any, ...], logged: str
) -> None:
    install_log_redaction()
    caplog.set_level(logging.DEBUG)

    LOGGER.debug(message, *args)

    assert caplog.messages == [logged]


def test_tracebacks_are_taken_out(caplog: pytest.LogCaptureFixture) -> None:
    install_log_redaction()
    caplog.set_level(logging.DEBUG)

    LOGGER.debug("Exception received.", exc_info=ValueError("s3cret"))

    assert "s3cret" not in caplog.text
    assert caplog.messages == ["Exception received."]


def test_the_signature_in_an_address_is_taken_out(caplog: pytest.LogCaptureFixture) -> None:
    install_log_redaction()
    caplog.set_level(logging.DEBUG)

    with pytest.raises(urllib3.exceptions.MaxRetryError), urllib3.PoolManager() as pool:
        pool.request("GET", "http://127.0.0.1:1/?X-Amz-Signature=s3cret", retries=1)

    assert "Incremented" in caplog.text
    assert "s3cret" not in caplog.text


def test_other_loggers_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    install_log_redaction()
    caplog.set_level(logging.DEBUG)

    logging.getLogger("saigon.something").debug("order %s", "o-1")

    assert caplog.messages == ["order o-1"]


def test_installing_it_twice_is_the_same_as_once() -> None:
    install_log_redaction()
    filters = list(LOGGER.filters)
    install_log_redaction()

    assert LOGGER.filters == filters
