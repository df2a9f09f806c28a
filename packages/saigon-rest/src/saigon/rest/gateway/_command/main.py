"""Put the command together."""

import argparse
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from saigon.rest.exceptions import ConfigurationError, GatewayRefusedError, MissingExtraError
from saigon.rest.gateway._callers import GatewayCaller
from saigon.rest.gateway._command.arguments import parser, routes, secret_headers
from saigon.rest.gateway._command.development_caller import callers_file, how_to_sign
from saigon.rest.gateway._command.local_cognito import local_login, told_in_file
from saigon.rest.gateway._loopback import LOOPBACK, listen
from saigon.rest.gateway._middleware import LocalGateway
from saigon.rest.gateway._proxy import UpstreamProxy
from saigon.rest.gateway._target.stage import stage_prefix


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until interrupted, on loopback only."""
    command = parser()
    arguments = command.parse_args(argv)
    try:
        with _ended_by_signals():
            run(arguments)
    except (ConfigurationError, GatewayRefusedError, MissingExtraError, OSError) as exc:
        command.error(str(exc))


def run(arguments: argparse.Namespace) -> None:
    """Serve as the arguments ask for.

    Raises:
        MissingExtraError: The extra ``[gateway]``, or ``[testing]``, is not installed.
    """
    if find_spec("uvicorn") is None:
        raise MissingExtraError("gateway", "uvicorn")
    from saigon.rest.gateway._command.serving import serve, tell

    make = _maker(arguments)
    with ExitStack() as stack:
        listener = stack.enter_context(listen(arguments.port))
        url = f"http://{LOOPBACK}:{listener.getsockname()[1]}{stage_prefix(arguments.stage)}"
        app = make(_credentials(arguments, url, stack, tell))
        tell(f"running on {url} before {arguments.upstream}")
        serve(app, listener)


def _maker(
    arguments: argparse.Namespace,
) -> Callable[[Callable[[str], GatewayCaller | None]], LocalGateway]:
    """Check what the arguments say before anything is made, and return what makes the gateway."""
    options: dict[str, Any] = {
        "flavour": arguments.flavour,
        "secret_headers": secret_headers(arguments.secret_header),
        "stage": arguments.stage,
        "routes": routes(arguments.route),
        "region": arguments.region,
    }
    upstream = UpstreamProxy(arguments.upstream, flavour=arguments.flavour)
    LocalGateway(upstream, credentials=lambda _key: None, **options)
    return lambda credentials: LocalGateway(upstream, credentials=credentials, **options)


def _credentials(
    arguments: argparse.Namespace, url: str, stack: ExitStack, tell: Callable[[str], None]
) -> Callable[[str], GatewayCaller | None]:
    if arguments.local_aws is None:
        now = datetime.now(UTC)
        callers = callers_file(arguments.credentials, region=arguments.region, now=now, tell=tell)
        tell(how_to_sign(callers, urlsplit(url).netloc, arguments.region))
        return callers
    login = stack.enter_context(local_login(arguments.region))
    stack.enter_context(told_in_file(login, url, arguments.local_aws, tell))
    return login.identities.find


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C, and both for an end in order."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
