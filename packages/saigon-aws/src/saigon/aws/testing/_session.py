"""A boto3 session that knows nothing of the user's AWS configuration."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import botocore.session
from boto3.session import Session
from botocore.config import Config
from botocore.loaders import Loader, create_loader

if TYPE_CHECKING:
    from botocore.client import BaseClient

# What moto accepts is anything; what a mistake must never reach AWS with is nothing real.
ACCESS_KEY_ID = "testing"
SECRET_ACCESS_KEY = "testing"  # noqa: S105  # nobody's key


class _LocalBotocoreSession(botocore.session.Session):
    """Makes clients of one endpoint, without profiles, configuration files or AWS_* variables."""

    def __init__(self, endpoint_url: str, clients: "WeakSet[BaseClient]") -> None:
        super().__init__(session_vars=_variables_without_environment())
        self.register_component("data_loader", _shared_loader())
        self._endpoint_url = endpoint_url
        self._clients = clients
        # No proxy of the environment either: the endpoint is on this machine.
        self.set_default_client_config(Config(proxies={}))

    def create_client(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["endpoint_url"] = kwargs.get("endpoint_url") or self._endpoint_url
        client = super().create_client(*args, **kwargs)
        self._clients.add(client)
        return client


@cache
def _shared_loader() -> Loader:
    """Read botocore's descriptions of the services once; a session of its own reads them anew."""
    loader: Loader = create_loader()
    return loader


def local_session(
    endpoint_url: str, region_name: str, *, clients: "WeakSet[BaseClient]"
) -> Session:
    """Return a session whose clients talk to the endpoint, and are remembered in ``clients``."""
    return Session(
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        region_name=region_name,
        botocore_session=_LocalBotocoreSession(endpoint_url, clients),
    )


def _variables_without_environment() -> dict[str, tuple[Any, None, Any, Any]]:
    """Give botocore's own table of settings without the variables that they are read from."""
    variables = {
        name: (in_file, None, default, convert)
        for name, (
            in_file,
            _,
            default,
            convert,
        ) in botocore.session.Session.SESSION_VARIABLES.items()
    }
    for name in ("config_file", "credentials_file"):
        variables[name] = (None, None, os.devnull, None)
    return variables
