"""What needs which extra.

A module in the first table stands for itself and all below it. What is not there must be
importable with its distribution alone; what is there must fail without the extra, with an error
that names it. The second table holds what is importable, and needs an extra to be used.
"""

from collections.abc import Iterable
from typing import Final

from tools.wheels.wheel import Wheel

__all__ = ["extra_of", "table_problems", "uses_of"]

_MODULES: Final = {
    "saigon.aws.cognito._tokens.jwks": "saigon-aws[cognito]",
    "saigon.aws.sqs": "saigon-aws[sqs]",
    "saigon.aws.testing._fixtures": "saigon-aws[testing]",
    "saigon.aws.testing._issuer": "saigon-aws[testing]",
    "saigon.aws.testing._tokens": "saigon-aws[testing]",
    "saigon.fastapi._logs.json": "saigon-fastapi[json]",
    "saigon.orm._engine.aiomysql_connection": "saigon-orm[async]",
    "saigon.orm._engine.pymysql_connection": "saigon-orm[mysql]",
    "saigon.rest._httpx.certificates": "saigon-rest[async]",
    "saigon.rest._httpx.clients": "saigon-rest[async]",
    "saigon.rest._httpx.logs": "saigon-rest[async]",
    "saigon.rest._httpx.opened": "saigon-rest[async]",
    "saigon.rest._httpx.outgoing": "saigon-rest[async]",
    "saigon.rest._httpx.receiving": "saigon-rest[async]",
    "saigon.rest._httpx.sender": "saigon-rest[async]",
    "saigon.rest._httpx.translation": "saigon-rest[async]",
    "saigon.rest._signing.aws_requests_auth": "saigon-rest[aws]",
    "saigon.rest._signing.signer": "saigon-rest[aws]",
    "saigon.rest._users.auth": "saigon-rest[aws]",
    "saigon.rest._users.cognito": "saigon-rest[aws]",
    "saigon.rest._users.logins": "saigon-rest[aws]",
    "saigon.rest._users.renewal": "saigon-rest[aws]",
    "saigon.rest._users.user": "saigon-rest[aws]",
    "saigon.rest.gateway._command.serving": "saigon-rest[gateway]",
    "saigon.rest.sigv4": "saigon-rest[aws]",
    "saigon.rest.testing._fixtures": "saigon-rest[testing]",
}

_POOL: Final = "user_pool_id='eu-west-1_abc', client_id='abc'"
# Its header is in order, so that it is not refused before anything is needed.
_TOKEN: Final = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.c2ln"  # noqa: S105  # nobody's
_USES: Final = {
    "saigon-aws[cognito]": (
        "from saigon.aws.cognito import CognitoIdp, CognitoIdpConfig; "
        f"CognitoIdp(CognitoIdpConfig({_POOL})).verify_access_token({_TOKEN!r})"
    ),
    "saigon-aws[testing]": "from saigon.aws.testing import LocalAws; LocalAws().__enter__()",
    "saigon-fastapi[cognito]": (
        "from saigon.fastapi.security import CognitoBearer; CognitoBearer(None)"
    ),
    "saigon-fastapi[json]": (
        "from saigon.fastapi.logging import enable_log_context; enable_log_context(json=True)"
    ),
    "saigon-fastapi[orm]": (
        "from saigon.fastapi.transactions import db_transaction; db_transaction(None)"
    ),
    "saigon-orm[async]": (
        "import asyncio; from saigon.orm.connection import AsyncDbConnector; "
        "asyncio.run(AsyncDbConnector('sqlite://').ping())"
    ),
    "saigon-orm[mysql]": (
        "from saigon.orm.connection import DbConnector; "
        "DbConnector('mysql+pymysql://someone@127.0.0.1/orders').engine"
    ),
    "saigon-orm[postgresql]": (
        "from saigon.orm.connection import DbConnector; "
        "DbConnector('postgresql+psycopg://someone@127.0.0.1/orders').engine"
    ),
    "saigon-rest[async]": (
        "from saigon.rest.client import AsyncRestClient; AsyncRestClient('https://api.example')"
    ),
    "saigon-rest[aws]": (
        "from saigon.rest.client import AuthRestClient; "
        "AuthRestClient('https://api.example', object())"
    ),
    "saigon-rest[gateway]": (
        "from saigon.rest.gateway import UpstreamProxy; UpstreamProxy('http://127.0.0.1:1')"
    ),
    "saigon-rest[testing]": (
        "from saigon.rest.testing import LocalServer; LocalServer(None).start()"
    ),
}


def extra_of(module: str) -> str | None:
    """Return the extra that a module needs, as ``saigon-aws[sqs]``; None if it needs none."""
    name = module
    while name:
        if name in _MODULES:
            return _MODULES[name]
        name = name.rpartition(".")[0]
    return None


def uses_of(distribution: str) -> list[tuple[str, str]]:
    """Return a distribution's extras that some code needs, each with such code."""
    return [(extra, code) for extra, code in _USES.items() if extra.startswith(f"{distribution}[")]


def table_problems(wheels: Iterable[Wheel]) -> list[str]:
    """Return the entries of the tables that name nothing."""
    wheels = list(wheels)
    modules = {module for wheel in wheels for module in wheel.modules}
    extras = {f"{wheel.name}[{extra}]" for wheel in wheels for extra in wheel.extras}
    wrong_modules = [f"no module {module}" for module in _MODULES if module not in modules]
    named = sorted({*_MODULES.values(), *_USES})
    return wrong_modules + [f"no extra {extra}" for extra in named if extra not in extras]
