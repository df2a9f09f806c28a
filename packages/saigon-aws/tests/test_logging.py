import ast
import importlib.util
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from saigon.aws.logging import _LOGGERS, _WHOLE_LOGGERS, install_log_redaction

LOGGER = logging.getLogger("botocore.parsers")


# What these fill in is of the installation: names of files, services, plugins, regions and times.
HARMLESS = {
    *("boto3.resources.model", "boto3.s3.transfer", "botocore.args", "botocore.client"),
    *("botocore.docs.bcdoc.restdoc", "botocore.endpoint_provider", "botocore.hooks"),
    *("botocore.httpchecksum", "botocore.loaders", "botocore.plugin", "botocore.response"),
    *("botocore.retries.adaptive", "botocore.retries.special", "botocore.useragent"),
    *("s3transfer.manager", "urllib3", "urllib3.contrib.pyopenssl"),
}
LEVELS = {"critical", "debug", "error", "exception", "info", "log", "warning"}


def modules_that_log_values(package: str) -> Iterator[str]:
    """Find the modules whose log calls are more than a constant text."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    for path in root.rglob("*.py"):
        if "vendored" not in path.parts and any(map(is_telling, ast.walk(parsed(path)))):
            parts = (package, *path.relative_to(root).with_suffix("").parts)
            yield ".".join(part for part in parts if part != "__init__")


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def is_telling(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=level), args=args):
            is_log = level in LEVELS and name.lower() in {"log", "logger"}
            is_constant = len(args) == 1 and isinstance(args[0], ast.Constant)
            with_error = level == "exception" or any(k.arg == "exc_info" for k in node.keywords)
            return is_log and (with_error or not is_constant)
    return False


@pytest.mark.parametrize("package", ["boto3", "botocore", "s3transfer", "urllib3"])
def test_every_module_that_logs_values_is_seen_to(package: str) -> None:
    telling = set(modules_that_log_values(package))

    assert telling, "nothing was found, so nothing is proved"
    assert telling <= {*_LOGGERS, *_WHOLE_LOGGERS, *HARMLESS}


def test_a_message_that_is_filled_in_already_is_taken_out_whole(
    caplog: pytest.LogCaptureFixture,
) -> None:
    install_log_redaction()
    caplog.set_level(logging.DEBUG)

    for name in ("s3transfer.tasks", "s3transfer.futures"):
        logging.getLogger(name).debug("Executing task with kwargs {'SSECustomerKey': 's3cret'}")

    assert caplog.messages == ["[redacted]"] * 2


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (*_LOGGERS, *_WHOLE_LOGGERS)]
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
