"""Call one AWS API: clients built when first needed, errors translated, retries where harmless."""

from collections.abc import Iterator, Mapping
from threading import Lock, local
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from saigon.aws._clients import make_client
from saigon.aws.cognito._calls.errors import from_botocore_error, from_client_error
from saigon.aws.cognito.exceptions import CognitoError

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config

_SIGNED: Final = ("Admin", "CreateGroup", "DeleteGroup", "List")
_SERVER_ERROR: Final = 500
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def is_loopback(url: str | None) -> bool:
    """Tell whether the address is on this machine, where no proxy can help."""
    return url is not None and urlsplit(url).hostname in _LOOPBACK


class _Attempts(local):
    """What became of the attempts that botocore has made of this thread's call."""

    lost = False
    """Whether one may have done its work although no answer says so."""

    def note(
        self, *, response: Any = None, caught_exception: Exception | None = None, **_: Any
    ) -> None:
        """Look at an attempt before botocore decides whether to make another."""
        status = _SERVER_ERROR if response is None else response[0].status_code
        self.lost = self.lost or caught_exception is not None or status >= _SERVER_ERROR


class Api:
    """One AWS API, for any number of threads.

    Operations that need no AWS credentials are sent by clients that look for none, so that signing
    in works on a machine without any.

    Args:
        service: boto3's name of the service.
        region: The AWS region.
        endpoint_url: Another address than AWS's.
        timeouts: Seconds to wait for a connection, and for an answer.
        session: The boto3 session that the clients are made from.
        client: A ready client, used for everything.
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
    ) -> None:
        self._service = service
        self._region = region
        self._endpoint_url = endpoint_url
        self._timeouts = timeouts
        self._session = session
        self._client = client
        self._clients: dict[tuple[bool, bool], Any] = {}
        self._lock = Lock()
        self._attempts = _Attempts()

    def call(
        self,
        operation: str,
        *,
        once: bool = False,
        refused: type[CognitoError] = CognitoError,
        already_done: str | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Call an operation and return its answer.

        Args:
            operation: The API's name, such as ``"AdminGetUser"``.
            once: Never try again: the operation changes something, or a failed attempt counts.
            refused: The error that NotAuthorizedException means here.
            already_done: The code, or a part of the message, by which a second attempt learns that
                the first, whose answer was lost, has done the work; then nothing is raised.
            **parameters: The API's parameters; those that are None are left out.

        Raises:
            CognitoError: Of the kind that fits what the service, or botocore, said.
        """
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        given = {name: value for name, value in parameters.items() if value is not None}
        self._attempts.lost = False
        try:
            method = getattr(self._client_for(operation, once=once), xform_name(operation))
            answer = _answer_of(method, given)
        except ClientError as error:
            failure = from_client_error(
                error, operation=operation, refused=refused, parameters=given
            )
            if already_done and self._attempts.lost and already_done in _told(error):
                return {}
        except (BotoCoreError, ResponseParserError, ValueError) as error:
            failure = from_botocore_error(error, operation=operation)
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
            if not page.get(token_name):
                return
            parameters[token_name] = page[token_name]

    def _client_for(self, operation: str, *, once: bool) -> Any:
        if self._client is not None:
            return self._client
        kind = (operation.startswith(_SIGNED), once)
        with self._lock:
            if kind not in self._clients:
                self._clients[kind] = self._make_client(signed=kind[0], once=once)
            return self._clients[kind]

    def _make_client(self, *, signed: bool, once: bool) -> Any:
        if self._session is None:
            from boto3.session import Session

            self._session = Session(region_name=self._region)
        client = make_client(
            self._service,
            region_name=self._region,
            endpoint_url=self._endpoint_url,
            session=self._session,
            config=self._config(signed=signed, once=once),
        )
        client.meta.events.register(f"needs-retry.{self._service}", self._attempts.note)
        return client

    def _config(self, *, signed: bool, once: bool) -> "Config":
        from botocore import UNSIGNED
        from botocore.config import Config

        connect_timeout, read_timeout = self._timeouts
        options: dict[str, Any] = {} if signed else {"signature_version": UNSIGNED}
        if once:
            options["retries"] = {"mode": "standard", "total_max_attempts": 1}
        else:
            options["retries"] = {"mode": "standard"}
        if is_loopback(self._endpoint_url):
            options["proxies"] = {}
        return Config(connect_timeout=connect_timeout, read_timeout=read_timeout, **options)


def _told(error: Any) -> str:
    answer = error.response.get("Error", {})
    return f"{answer.get('Code')}: {answer.get('Message')}"


def _answer_of(method: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    from botocore.parsers import ResponseParserError

    try:
        answer: dict[str, Any] = method(**given)
    except (AttributeError, TypeError, RecursionError) as error:
        # botocore's parser stumbles so over JSON that is no answer of the service.
        raise ResponseParserError(type(error).__name__) from None
    return answer
