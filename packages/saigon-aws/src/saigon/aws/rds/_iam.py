"""A database login that is signed here, by IAM."""

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from saigon.aws._clients import OncePerProcess, make_client
from saigon.aws.rds.exceptions import RdsError
from saigon.model.interface import DbLogin

if TYPE_CHECKING:
    from boto3.session import Session

__all__ = ["RdsIamCredentials"]

_MAX_PORT: Final = 65_535
_MAX_HOST: Final = 253
_HOST: Final = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", re.ASCII)
_REGION: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+", re.ASCII)
_WORD: Final = re.compile(r"\w{1,100}", re.ASCII)


class RdsIamCredentials:
    """A ``CredentialsProvider`` (saigon.model.interface) that signs a token for each connection.

    Signing makes no request. The token is good for 15 minutes, for one user on one host and port.
    The host is the endpoint as RDS names it, of the instance, cluster or proxy that answers in
    the end: where an alias or a tunnel is dialled, it is still the endpoint behind. The server
    takes the token as it is, so the login requires TLS: saigon-orm sends it over no other
    connection, and the connection should verify the server (``verify-full``).
    See https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html

    Args:
        host: The endpoint, a name without port or scheme; capital letters become small.
        port: Its port.
        user: The database user, who has ``rds_iam`` or AWSAuthenticationPlugin.
        region: The database's region.
        session: Where AWS credentials come from; a new default session where absent.

    Raises:
        ValueError: One of these is not possible.
    """

    def __init__(
        self, host: str, port: int, user: str, region: str, *, session: "Session | None" = None
    ) -> None:
        name = _host_name(host)
        _check(port, user, region)
        self._address = {"DBHostname": name, "Port": port, "DBUsername": user, "Region": region}
        self._user = user
        self._client: OncePerProcess[Any] = OncePerProcess(
            lambda: make_client("rds", region_name=region, session=session)
        )

    def get_credentials(self, *, refresh: bool = False) -> DbLogin:  # noqa: ARG002  # always new
        """Return the user and a token signed now, which requires TLS.

        Args:
            refresh: Makes no difference: every token is new.

        Raises:
            RdsError: There are no AWS credentials, or they could not be renewed.
        """
        try:
            token: str = self._client.get().generate_db_auth_token(**self._address)
        except Exception as error:  # noqa: BLE001  # a provider of credentials raises anything
            reason = _reason(error)
        else:
            return DbLogin(self._user, SecretStr(token), requires_tls=True)
        # Outside of the handler: what a provider raises may hold the credentials that it read.
        raise RdsError(f"no token could be signed: {reason}")


def _host_name(host: object) -> str:
    # botocore signs the name in small letters whatever the token says.
    if not isinstance(host, str) or not _HOST.fullmatch(host) or len(host) > _MAX_HOST:
        raise ValueError("expected the name of one host, without scheme, port, path or spaces")
    return host.lower()


def _check(port: object, user: object, region: object) -> None:
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= _MAX_PORT:
        raise ValueError(f"expected a port of 1 to {_MAX_PORT}, as an int")
    if not isinstance(user, str) or not user or "\0" in user or not _is_unicode(user):
        raise ValueError("expected the name of a database user")
    if not isinstance(region, str) or not _REGION.fullmatch(region):
        raise ValueError("expected a region such as eu-west-1")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reason(error: Exception) -> str:
    """Say what went wrong with words of botocore's and the service's alone."""
    from botocore.exceptions import ClientError

    kind = type(error).__name__
    if not isinstance(error, ClientError):
        return f"{kind}: check the profile and the credentials of AWS"
    code = str(error.response.get("Error", {}).get("Code"))
    return f"{error.operation_name} failed ({code if _WORD.fullmatch(code) else kind})"
