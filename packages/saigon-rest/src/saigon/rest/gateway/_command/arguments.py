"""The command's arguments."""

import argparse
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from saigon.rest.exceptions import ConfigurationError

CALLERS_FILE: Final = Path("saigon-callers.json")
LOCAL_AWS_FILE: Final = Path("saigon-local-aws.json")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    command = argparse.ArgumentParser(
        prog="python -m saigon.rest.gateway",
        description="Verify signatures as API Gateway does and pass requests on, on this machine.",
    )
    command.add_argument("--upstream", required=True, metavar="URL", help="where the service is")
    _add_callers(command)
    _add_api(command)
    command.add_argument(
        "--port", type=_port, default=8080, help="port on 127.0.0.1; 0 for a free one (8080)"
    )
    return command


def _add_callers(command: argparse.ArgumentParser) -> None:
    callers = command.add_mutually_exclusive_group()
    callers.add_argument(
        "--credentials",
        type=Path,
        metavar="FILE",
        help="JSON file: a list of callers, read at each request; "
        f"by default {CALLERS_FILE}, which is made with one random caller if it is not there",
    )
    callers.add_argument(
        "--local-aws",
        type=Path,
        nargs="?",
        const=LOCAL_AWS_FILE,
        metavar="FILE",
        help="start a local Cognito with a user, and write how to log in there to the file "
        f"({LOCAL_AWS_FILE}); needs the extra [testing]",
    )


def _add_api(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--flavour", choices=("rest", "http"), default="rest", help="the kind of API to be (rest)"
    )
    command.add_argument("--stage", help="what each path begins with, such as prod")
    command.add_argument(
        "--route",
        action="append",
        default=[],
        metavar="'METHOD /PATH=AUTH'",
        help="a route and NONE or AWS_IAM, such as 'GET /health/live=NONE'; repeatable. By default "
        "every path is there and asks for a signature",
    )
    command.add_argument("--region", help="the one region that signatures must be for")
    command.add_argument(
        "--secret-header",
        action="append",
        default=[],
        metavar="NAME=VARIABLE",
        help="a header to add, with its value taken from an environment variable; repeatable",
    )


def secret_headers(pairs: Iterable[str]) -> dict[str, SecretStr]:
    """Read the headers' values from the environment, where no process list shows them."""
    headers = {}
    for pair in pairs:
        name, _, variable = pair.partition("=")
        if not name or not os.environ.get(variable):
            raise ConfigurationError(f"{pair!r}: expected NAME=VARIABLE with the variable set")
        headers[name] = SecretStr(os.environ[variable])
    return headers


def routes(pairs: Sequence[str]) -> dict[str, str] | None:
    """Read the routes; None where none was given."""
    return {key: value for key, _, value in (pair.rpartition("=") for pair in pairs)} or None


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:  # noqa: PLR2004  # the largest port
        raise argparse.ArgumentTypeError("expected a port, 0 to 65535")
    return int(text)
