"""Call one AWS API: clients built when first needed, errors translated, retries where harmless."""

from collections.abc import Iterable, Iterator
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from saigon.aws._clients import make_client
from saigon.aws.cognito._calls.attempts import watch, watched
from saigon.aws.cognito._calls.error_codes import ErrorType
from saigon.aws.cognito._calls.errors import from_client_error, from_other_error, secrets_of
from saigon.aws.cognito._text import plain_text
from saigon.aws.cognito.exceptions import (
    CognitoConfigurationError,
    CognitoConnectionError,
    CognitoError,
)

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config

_SIGNED: Final = ("Admin", "CreateGroup", "DeleteGroup", "List")
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def is_loopback(url: str | None) -> bool:
    """Tell whether the address is on this machine, where no proxy can help."""
    return url is not None and urlsplit(url).hostname in _LOOPBACK


class Api:
    """One AWS API, for any number of threads.

    Operations that need no AWS credentials are sent by a client that looks for none, so that
    signing in works on a machine without any.

    Args:
        service: boto3's name of the service.
        region: The AWS region.
        endpoint_url: Another address than AWS's.
        timeouts: Seconds to wait for a connection, and for an answer.
        session: The boto3 session that the clients are made from.
        client: A ready client, used for everything.
        secrets: What no error may tell, besides what the requests hold.
    """

    def __init__(
        self,
        service: str,
        *,
        region: str,
        endpoint_url: str | None,
        timeouts: tuple[float, float],
        session: "Session | None" = None,
        client: Any = None,
        secrets: Iterable[SecretStr | None] = (),
    ) -> None:
        self._service = service
        self._region = region
        self._endpoint_url = endpoint_url
        self._timeouts = timeouts
        self._session = session
        self._client = client
        self._secrets = tuple(secrets)
        self._clients: dict[bool, Any] = {}
        self._lock = Lock()
        if client is not None:
            self._watch_ready(client)

    def call(
        self,
        operation: str,
        *,
        once: bool = False,
        refused: ErrorType = CognitoError,
        not_found: ErrorType = CognitoConfigurationError,
        already_done: str | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Call an operation and return its answer.

        Args:
            operation: The API's name, such as ``"AdminGetUser"``.
            once: Never try again: the operation changes something, or a failed attempt counts.
            refused: The error that NotAuthorizedException means here.
            not_found: The error that ResourceNotFoundException means here, where the pool is there.
            already_done: The code, or a part of the message, by which a second attempt learns that
                the first, whose answer was lost, has done the work; then nothing is raised.
            **parameters: The API's parameters; those that are None are left out.

        Raises:
            CognitoError: Of the kind that fits what the service, or botocore, said.
        """
        from botocore import xform_name
        from botocore.exceptions import ClientError

        given = {name: value for name, value in parameters.items() if value is not None}
        with watched(once=once) as attempts:
            try:
                method = getattr(self._client_for(operation), xform_name(operation))
                answer: dict[str, Any] = method(**given)
            except ClientError as error:
                if already_done and attempts.is_lost and already_done in _told(error):
                    return {}
                failure = from_client_error(
                    error,
                    operation=operation,
                    refused=refused,
                    not_found=not_found,
                    secrets=[*secrets_of(given), *map(plain_text, self._secrets)],
                )
            except Exception as error:  # noqa: BLE001  # of a parser, or a provider of credentials
                failure = from_other_error(error, operation=operation, is_sent=attempts.is_sent)
            else:
                return answer
        # Outside of the handlers: the caught errors may quote the request, so they do not go along.
        raise failure

    def pages(
        self,
        operation: str,
        *,
        token_name: str = "NextToken",  # noqa: S107  # a name
        **parameters: Any,
    ) -> Iterator[dict[str, Any]]:
        """Iterate over all the answers of an operation that lists; nothing is sent before.

        Args:
            operation: The API's name, such as ``"ListGroups"``.
            token_name: What the API calls the token of the next page.
            **parameters: The API's parameters.
        """
        while True:
            page = self.call(operation, **parameters)
            yield page
            token = page.get(token_name)
            if not token:
                return
            if token == parameters.get(token_name):
                raise CognitoConnectionError(
                    f"{operation} gave the token of the page again", operation=operation
                )
            parameters[token_name] = token

    def _client_for(self, operation: str) -> Any:
        if self._client is not None:
            return self._client
        signed = operation.startswith(_SIGNED)
        with self._lock:
            if signed not in self._clients:
                self._clients[signed] = self._make_client(signed=signed)
            return self._clients[signed]

    def _make_client(self, *, signed: bool) -> Any:
        if self._session is None:
            from boto3.session import Session

            self._session = Session(region_name=self._region)
        client = make_client(
            self._service,
            region_name=self._region,
            endpoint_url=self._endpoint_url,
            session=self._session,
            config=self._config(signed=signed),
        )
        watch(client.meta.events, self._service)
        return client

    def _watch_ready(self, client: Any) -> None:
        try:
            watch(client.meta.events, self._service)
        except AttributeError:
            raise CognitoConfigurationError(
                f"expected a boto3 client of {self._service}, got a {type(client).__name__}"
            ) from None

    def _config(self, *, signed: bool) -> "Config":
        from botocore import UNSIGNED
        from botocore.config import Config

        connect_timeout, read_timeout = self._timeouts
        options: dict[str, Any] = {} if signed else {"signature_version": UNSIGNED}
        if is_loopback(self._endpoint_url):
            options["proxies"] = {}
        return Config(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retries={"mode": "standard"},
            **options,
        )


def _told(error: Any) -> str:
    answer = error.response.get("Error", {})
    return f"{answer.get('Code')}: {answer.get('Message')}"
