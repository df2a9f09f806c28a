"""moto's server on this machine, and what a test or a demonstration makes in it."""

import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import WeakSet

from pydantic import SecretStr

from saigon.aws.exceptions import MissingExtraError
from saigon.aws.testing._moto import MotoServer
from saigon.aws.testing._resources import (
    LocalIdentityPool,
    LocalQueue,
    LocalUser,
    LocalUserPool,
)

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.client import BaseClient

    from saigon.aws.testing._issuer import CredentialIssuer

_AUTH_FLOWS: Final = (
    "ALLOW_USER_PASSWORD_AUTH",
    "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    "ALLOW_USER_SRP_AUTH",
    "ALLOW_REFRESH_TOKEN_AUTH",
)


class LocalAws:
    """AWS on 127.0.0.1, at a free port, as a context manager.

    Nothing of the user's AWS configuration is read or changed: no profile, no file, no variable.
    moto's server runs in a process of its own, so two of these at a time share nothing, and ends
    with this one, even where this one is killed.

    Args:
        region: The region of the clients and of what is made.
    """

    def __init__(self, *, region: str = "us-east-1") -> None:
        self.region: str = region
        self._server: MotoServer | None = None
        self._issuer: CredentialIssuer | None = None
        self._clients: WeakSet[BaseClient] = WeakSet()
        self._own: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.stop()

    @property
    def endpoint_url(self) -> str:
        """The address of every service, but of identity pools (see :class:`LocalIdentityPool`)."""
        if self._server is None:
            raise RuntimeError("the local AWS is not running: use it in a with statement")
        return self._server.endpoint_url

    def start(self) -> None:
        """Start the servers; nothing happens where they run already.

        Raises:
            MissingExtraError: moto's server is not installed.
            RuntimeError: It did not start.
        """
        if self._server is not None:
            return
        for module in ("moto", "flask"):
            if find_spec(module) is None:
                raise MissingExtraError("testing", module)
        self._server = MotoServer.start()

    def stop(self) -> None:
        """Close every client made here, and the servers with their sockets."""
        for client in list(self._clients):
            client.close()
        self._own.clear()
        if self._issuer is not None:
            self._issuer.stop()
            self._issuer = None
        if self._server is not None:
            self._server.stop()
            self._server = None

    def session(self) -> "Session":
        """Return a new boto3 session whose clients all talk to this endpoint."""
        from saigon.aws.testing._session import local_session

        return local_session(self.endpoint_url, self.region, clients=self._clients)

    def client(self, service: str) -> Any:
        """Return a new client of a service, such as ``"sqs"``."""
        return self.session().client(service)  # type: ignore[call-overload]  # not a literal

    def create_user_pool(
        self, *, with_client_secret: bool = False, **options: Any
    ) -> LocalUserPool:
        """Make a user pool and an app client that may use every flow with a password.

        Args:
            with_client_secret: The app client has a secret.
            **options: Further arguments of boto3's ``create_user_pool``.
        """
        idp = self._shared_client("cognito-idp")
        pool = idp.create_user_pool(PoolName=_fresh_name("users"), **options)["UserPool"]
        client = idp.create_user_pool_client(
            UserPoolId=pool["Id"],
            ClientName=_fresh_name("app"),
            GenerateSecret=with_client_secret,
            ExplicitAuthFlows=list(_AUTH_FLOWS),
        )["UserPoolClient"]
        secret = client.get("ClientSecret")
        return LocalUserPool(
            user_pool_id=pool["Id"],
            client_id=client["ClientId"],
            client_secret=SecretStr(secret) if secret else None,
            region=self.region,
            endpoint_url=self.endpoint_url,
        )

    def create_user(
        self,
        user_pool: LocalUserPool,
        *,
        username: str | None = None,
        password: str | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> LocalUser:
        """Make a confirmed user with a permanent password; what is left out is random.

        Args:
            user_pool: The pool of the user.
            username: The name to log in with.
            password: The password to log in with.
            attributes: Such as ``{"email": "ada@example.com"}``.
        """
        username = username or _fresh_name("user")
        password = password or f"Aa1!{secrets.token_urlsafe(12)}"
        idp = self._shared_client("cognito-idp")
        user = idp.admin_create_user(
            UserPoolId=user_pool.user_pool_id,
            Username=username,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": k, "Value": v} for k, v in (attributes or {}).items()],
        )["User"]
        idp.admin_set_user_password(
            UserPoolId=user_pool.user_pool_id, Username=username, Password=password, Permanent=True
        )
        sub = next(pair["Value"] for pair in user["Attributes"] if pair["Name"] == "sub")
        return LocalUser(username=username, password=SecretStr(password), sub=sub)

    def create_identity_pool(
        self, user_pool: LocalUserPool, *, lifetime: timedelta = timedelta(hours=1)
    ) -> LocalIdentityPool:
        """Make an identity pool for the users of a user pool, without guests.

        Args:
            user_pool: The pool whose ID tokens are accepted, for its one app client.
            lifetime: How long the credentials are valid.
        """
        from saigon.aws.testing._issuer import TrustedPool
        from saigon.aws.testing._tokens import fetch_keys

        provider = {
            "ProviderName": user_pool.provider_name,
            "ClientId": user_pool.client_id,
            "ServerSideTokenCheck": False,
        }
        pool = self._shared_client("cognito-identity").create_identity_pool(
            IdentityPoolName=_fresh_name("identities"),
            AllowUnauthenticatedIdentities=False,
            CognitoIdentityProviders=[provider],
        )
        issuer = self._running_issuer()
        issuer.trust(
            pool["IdentityPoolId"],
            TrustedPool(
                user_pool_id=user_pool.user_pool_id,
                client_id=user_pool.client_id,
                provider_name=user_pool.provider_name,
                region=user_pool.region,
                keys=fetch_keys(user_pool.jwks_url),
                lifetime=lifetime,
            ),
        )
        return LocalIdentityPool(
            identity_pool_id=pool["IdentityPoolId"],
            user_pool=user_pool,
            endpoint_url=issuer.endpoint_url,
            _issuer=issuer,
        )

    def create_queue(
        self,
        name: str | None = None,
        *,
        dead_letter: bool = True,
        max_receive_count: int = 3,
        visibility_timeout: int = 30,
        fifo: bool = False,
    ) -> LocalQueue:
        """Make a queue, with a dead-letter queue behind it.

        Args:
            name: The queue's name, random if left out; a FIFO queue's gets its ``.fifo``.
            dead_letter: Whether a dead-letter queue is made too.
            max_receive_count: After how many receives a message moves there.
            visibility_timeout: Seconds that a received message stays hidden.
            fifo: A queue in order, with content-based deduplication.
        """
        sqs = self._shared_client("sqs")
        base = (name or _fresh_name("queue")).removesuffix(".fifo")
        suffix = ".fifo" if fifo else ""
        kind = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if fifo else {}
        attributes = {"VisibilityTimeout": str(visibility_timeout), **kind}
        dead_letter_url = None
        if dead_letter:
            dead_letter_url = _create_queue(sqs, f"{base}-dead-letter{suffix}", kind)
            policy = {
                "deadLetterTargetArn": _queue_arn(sqs, dead_letter_url),
                "maxReceiveCount": max_receive_count,
            }
            attributes["RedrivePolicy"] = json.dumps(policy)
        url = _create_queue(sqs, base + suffix, attributes)
        return LocalQueue(
            name=base + suffix,
            url=url,
            arn=_queue_arn(sqs, url),
            dead_letter_url=dead_letter_url,
        )

    def create_bucket(self, name: str | None = None) -> str:
        """Make an empty bucket and return its name, random if left out."""
        name = name or _fresh_name("bucket")
        # us-east-1 is the one region that must not be named here.
        location = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        self._shared_client("s3").create_bucket(
            Bucket=name, **({} if self.region == "us-east-1" else location)
        )
        return name

    def create_secret(
        self, value: str | bytes | Mapping[str, Any], *, name: str | None = None
    ) -> str:
        """Store a secret and return its name, random if left out.

        Args:
            value: Text, bytes (a binary secret), or a mapping that is stored as JSON.
            name: The secret's name.
        """
        name = name or _fresh_name("secret")
        kind = "SecretBinary" if isinstance(value, bytes) else "SecretString"
        stored = json.dumps(dict(value)) if isinstance(value, Mapping) else value
        self._shared_client("secretsmanager").create_secret(Name=name, **{kind: stored})
        return name

    def _shared_client(self, service: str) -> Any:
        if service not in self._own:
            self._own[service] = self.client(service)
        return self._own[service]

    def _running_issuer(self) -> "CredentialIssuer":
        if self._issuer is None:
            from saigon.aws.testing._issuer import CredentialIssuer

            self._issuer = CredentialIssuer()
            self._issuer.start()
        return self._issuer


def _fresh_name(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(6)}"


def _create_queue(sqs: Any, name: str, attributes: Mapping[str, str]) -> str:
    return str(sqs.create_queue(QueueName=name, Attributes=dict(attributes))["QueueUrl"])


def _queue_arn(sqs: Any, url: str) -> str:
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])
