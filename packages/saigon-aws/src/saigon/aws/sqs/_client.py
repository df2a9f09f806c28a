"""The client that the forwarder speaks to SQS through, with errors turned into its own."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from saigon.aws._clients import make_client
from saigon.aws.sqs.exceptions import QueueError

_REGION: Final = re.compile(r"(?:^|\.)([a-z]{2}(?:-[a-z]+)+-\d)\.")
_AWS_HOST: Final = re.compile(r"\.amazonaws\.com(?:\.cn)?$|\.api\.aws$")
_DENIED: Final = re.compile(r"denied|unauthorized|not ?authorized|^kms", re.IGNORECASE)
_THROTTLED: Final = re.compile(r"throttl", re.IGNORECASE)
_FATAL: Final = re.compile(
    r"denied|nonexistentqueue|queuedoesnotexist|invalidaddress|invalidclienttoken|unrecognizedclient"
    r"|signaturedoesnotmatch|missingauthentication|invalidparameter|validation|unsupported|^kms",
    re.IGNORECASE,
)


class SqsClient(Protocol):
    """The requests that the forwarder makes; boto3's client is one of these."""

    def receive_message(self, **request: Any) -> Mapping[str, Any]:
        """Receive up to ten messages."""
        ...

    def delete_message_batch(self, **request: Any) -> Mapping[str, Any]:
        """Delete up to ten deliveries."""
        ...

    def change_message_visibility_batch(self, **request: Any) -> Mapping[str, Any]:
        """Hide up to ten deliveries for longer or shorter."""
        ...

    def send_message(self, **request: Any) -> Mapping[str, Any]:
        """Send one message."""
        ...

    def get_queue_attributes(self, **request: Any) -> Mapping[str, Any]:
        """Return attributes of a queue."""
        ...


def client_for(url: str, *, read_timeout: float, connections: int) -> SqsClient:
    """Return a new boto3 client for the region, or the server, that a queue's URL names.

    Parameters are not validated, which costs more than signing does; SQS checks them anyway.
    """
    from botocore.config import Config

    parts = urlsplit(url)
    host = parts.hostname or ""
    region = _REGION.search(host)
    client: SqsClient = make_client(
        "sqs",
        region_name=region[1] if region else None,
        endpoint_url=None if _AWS_HOST.search(host) else f"{parts.scheme}://{parts.netloc}",
        config=Config(
            read_timeout=read_timeout,
            connect_timeout=5,
            parameter_validation=False,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": 4},
        ),
    )
    return client


@contextmanager
def queue_errors(operation: str) -> Iterator[None]:
    """Turn what boto3 raises in a block into the forwarder's error."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "Unknown"))
        message = f"{operation} was refused: {code}"
        raise QueueError(message, code=code, retryable=_is_retryable(code)) from error
    except NoCredentialsError as error:
        message = f"{operation} needs AWS credentials and found none"
        raise QueueError(message, code="NoCredentials", retryable=False) from error
    except BotoCoreError as error:
        code = type(error).__name__
        raise QueueError(f"{operation} failed: {code}", code=code, retryable=True) from error


def is_denied(error: QueueError) -> bool:
    """Tell whether the request lacked a permission, as opposed to being wrong or unlucky."""
    return bool(_DENIED.search(error.code))


def _is_retryable(code: str) -> bool:
    # KMS.ThrottlingException passes by itself; every other error of the key is ours to mend.
    return bool(_THROTTLED.search(code)) or not _FATAL.search(code)
