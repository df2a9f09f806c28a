"""Run the local gateway before a service: ``python -m saigon.rest.gateway``."""

import argparse
import os
from collections.abc import Sequence
from typing import Final

from pydantic import SecretStr

from saigon.rest.exceptions import ConfigurationError, GatewayRefusedError, MissingExtraError
from saigon.rest.gateway import CallersFile, LocalGateway, UpstreamProxy

LOOPBACK: Final = "127.0.0.1"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    command = argparse.ArgumentParser(
        prog="python -m saigon.rest.gateway",
        description="Verify signatures as API Gateway does and pass requests on, on this machine.",
    )
    command.add_argument("--upstream", required=True, help="base URL of the service")
    command.add_argument(
        "--credentials", required=True, help="JSON file: a list of callers, read at each request"
    )
    command.add_argument("--port", type=int, default=8080, help="port on 127.0.0.1 (default 8080)")
    command.add_argument("--flavour", choices=("rest", "http"), default="rest")
    command.add_argument("--region", help="the one region that signatures must be for")
    command.add_argument(
        "--secret-header",
        action="append",
        default=[],
        metavar="NAME=VARIABLE",
        help="a header to add, with its value taken from an environment variable",
    )
    return command


def secret_headers(pairs: Sequence[str]) -> dict[str, SecretStr]:
    """Read the headers' values from the environment, where no process list shows them."""
    headers = {}
    for pair in pairs:
        name, _, variable = pair.partition("=")
        if not name or not os.environ.get(variable):
            raise ConfigurationError(f"{pair!r}: expected NAME=VARIABLE with the variable set")
        headers[name] = SecretStr(os.environ[variable])
    return headers


def gateway(arguments: argparse.Namespace) -> LocalGateway:
    """Make the gateway that the arguments ask for."""
    callers = CallersFile(arguments.credentials)
    callers("")  # a file that cannot be read is told now, not at the first request
    return LocalGateway(
        UpstreamProxy(arguments.upstream, flavour=arguments.flavour),
        credentials=callers,
        flavour=arguments.flavour,
        secret_headers=secret_headers(arguments.secret_header),
        region=arguments.region,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until interrupted, on loopback only."""
    try:
        import uvicorn
    except ModuleNotFoundError as exc:
        raise MissingExtraError("gateway", exc.name) from exc
    command = parser()
    arguments = command.parse_args(argv)
    try:
        app = gateway(arguments)
    except (ConfigurationError, GatewayRefusedError, OSError) as exc:
        command.error(str(exc))
    uvicorn.run(app, host=LOOPBACK, port=arguments.port, server_header=False)


if __name__ == "__main__":
    main()
