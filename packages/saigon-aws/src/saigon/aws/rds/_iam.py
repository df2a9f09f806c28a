"""A database login that is signed here, by IAM."""

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from saigon.aws._clients import make_client
from saigon.aws.rds.exceptions import RdsError
from saigon.model.interface import DbLogin

if TYPE_CHECKING:
    from boto3.session import Session

__all__ = ["RdsIamCredentials"]

_MAX_PORT = 65_535


class RdsIamCredentials:
    """A ``CredentialsProvider`` (saigon.model.interface) that signs a token for each connection.

    Signing makes no request; the token is good for 15 minutes, for one user on one host and
    port: give the host that is really dialled, neither an alias nor a tunnel's end. The server
    takes the token over TLS only, so the connection must require and should verify it.
    See https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html

    Args:
        host: The host of the instance, cluster or proxy.
        port: Its port.
        user: The database user, who has ``rds_iam`` or AWSAuthenticationPlugin.
        region: The database's region.
        session: Where AWS credentials come from; a new default session where absent.
    """

    def __init__(
        self, host: str, port: int, user: str, region: str, *, session: "Session | None" = None
    ) -> None:
        if not host or not user or not region or not 1 <= port <= _MAX_PORT:
            raise ValueError(f"expected a host, a user, a region and a port of 1 to {_MAX_PORT}")
        self._address = {"DBHostname": host, "Port": port, "DBUsername": user, "Region": region}
        self._user = user
        self._region = region
        self._session = session
        self._client: Any = None

    def get_credentials(self, *, refresh: bool = False) -> DbLogin:  # noqa: ARG002  # always new
        """Return the user and a token signed now.

        Args:
            refresh: Makes no difference: every token is new.

        Raises:
            RdsError: There are no AWS credentials, or they could not be renewed.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            token: str = self._ready_client().generate_db_auth_token(**self._address)
        except (BotoCoreError, ClientError) as error:  # a role's refusal is the latter
            raise RdsError(f"no token could be signed: {type(error).__name__}") from error
        return DbLogin(self._user, SecretStr(token))

    def _ready_client(self) -> Any:
        if self._client is None:
            self._client = make_client("rds", region_name=self._region, session=self._session)
        return self._client
