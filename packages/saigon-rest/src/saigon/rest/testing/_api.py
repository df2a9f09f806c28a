"""A service behind the local API Gateway."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, Self

from pydantic import SecretStr

from saigon.rest.gateway import DEFAULT_MAPPING, LocalGateway
from saigon.rest.gateway._answers.refusal import Flavour
from saigon.rest.gateway._asgi import App
from saigon.rest.gateway._target.routes import Authorization
from saigon.rest.gateway._target.stage import stage_prefix
from saigon.rest.testing._server import DEFAULT_TIMEOUT, LocalServer, require_modules

if TYPE_CHECKING:
    from boto3.session import Session

    from saigon.aws.testing import LocalIdentityPool
    from saigon.rest.client import AsyncAuthRestClient, AuthRestClient


class LocalApi:
    """Serve an ASGI app behind a ``LocalGateway``, for users of an identity pool.

    A context manager: the app's lifespan runs, and what it fails with is raised here.

    Args:
        app: The service; an ``UpstreamProxy`` stands for one in another process.
        identity_pool: Whose users may call; one of ``saigon.aws.testing``.
        session: Makes the clients' calls of Cognito; by default boto3's own, which reads the AWS
            settings of whoever runs this. ``LocalAws.session()`` is one that does not.
        flavour: As for ``LocalGateway``, like all that follows.
        stage: What each path begins with; it is part of ``url``.
        routes: What each route asks for.
        secret_headers: Static headers that tell the service that its gateway sent the request.
        mapping: Which header is filled with which ``$context`` variable.
        clock: Returns the present time, aware.
        timeout: Seconds that the app may take to start, and to end.

    Raises:
        MissingExtraError: The extra ``[testing]`` is not installed.
    """

    def __init__(
        self,
        app: App,
        identity_pool: "LocalIdentityPool",
        *,
        session: "Session | None" = None,
        flavour: Flavour = "rest",
        stage: str | None = None,
        routes: Mapping[str, Authorization] | None = None,
        secret_headers: Mapping[str, str | SecretStr] | None = None,
        mapping: Mapping[str, str] = DEFAULT_MAPPING,
        clock: Callable[[], datetime] | None = None,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        require_modules(["saigon.aws.testing", "moto", "aws_requests_auth", "uvicorn"])
        self._identity_pool = identity_pool
        self._session = session
        self._region: str = identity_pool.user_pool.region
        self._prefix = stage_prefix(stage)
        self._server = LocalServer(
            LocalGateway(
                app,
                credentials=identity_pool.find,
                flavour=flavour,
                stage=stage,
                routes=routes,
                secret_headers=secret_headers,
                mapping=mapping,
                region=self._region,
                **({} if clock is None else {"clock": clock}),
            ),
            timeout=timeout,
        )
        self._clients = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL of the API, with its stage."""
        return f"{self._server.url}{self._prefix}"

    def start(self) -> None:
        """Start serving; nothing happens where it is served already.

        Raises:
            TimeoutError: The app does not start in time.
            Exception: What the app's lifespan failed with.
        """
        self._server.start()

    def stop(self) -> None:
        """Close every client that ``client`` made, and the server.

        Raises:
            TimeoutError: The app does not end in time.
            Exception: What the app's lifespan failed with.
        """
        try:
            self._clients.close()
        finally:
            self._server.stop()

    def client(self, **options: Any) -> "AuthRestClient":
        """Return a new client of the API, in which nobody is logged in; it is closed with this.

        Args:
            **options: Further arguments of ``AuthRestClient``, or others in place of these.
        """
        from saigon.rest.client import AuthRestClient

        client = AuthRestClient(self.url, **self._with_defaults(options))
        return self._clients.enter_context(client)

    def async_client(self, **options: Any) -> "AsyncAuthRestClient":
        """Return a new client for an event loop, in which nobody is logged in.

        It is closed in that loop, by ``async with api.async_client() as client``.

        Args:
            **options: Further arguments of ``AsyncAuthRestClient``, or others in place of these.
        """
        from saigon.rest.client import AsyncAuthRestClient

        return AsyncAuthRestClient(self.url, **self._with_defaults(options))

    def _with_defaults(self, options: dict[str, Any]) -> dict[str, Any]:
        from saigon.aws.cognito import CognitoClient

        options = {"region": self._region, **options}
        if not options.keys() & {"cognito", "cognito_config"}:
            config = self._identity_pool.config()
            options["cognito"] = CognitoClient(config, session=self._session)
        return options


class LocalApiFactory(Protocol):
    """Serves apps for the users of one identity pool."""

    def __call__(self, app: App, **options: Any) -> LocalApi:
        """Serve an app, until the test has ended.

        Args:
            app: The service.
            **options: Those of :class:`LocalApi`.
        """
        ...
