"""The client that the forwarder speaks to SQS through, with errors turned into its own."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

from saigon.aws._clients import make_client
from saigon.aws.sqs._sqs.url import endpoint_of, region_of
from saigon.aws.sqs.exceptions import QueueError

_DENIED: Final = re.compile(
    r"denied|unauthori[sz]ed|not ?authorized|authorizationerror|optinrequired", re.IGNORECASE
)
_THROTTLED: Final = re.compile(r"throttl", re.IGNORECASE)
_FATAL: Final = re.compile(
    r"nonexistentqueue|queuedoesnotexist|invalidaddress|invalidclienttoken|unrecognizedclient"
    r"|signaturedoesnotmatch|missingauthentication|invalidparameter|validation|unsupported|^kms",
    re.IGNORECASE,
)


# What providers of credentials raise besides botocore's own, and an answer that is no answer.
_OTHERS: Final = (LookupError, OSError, TypeError, ValueError)


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


def client_for(url: str, *, read_timeout: float, connections: int, attempts: int) -> SqsClient:
    """Return a new boto3 client for the region, or the server, that a queue's URL names.

    Parameters are not validated, which costs more than signing does; SQS checks them anyway.
    """
    from botocore.config import Config

    client: SqsClient = make_client(
        "sqs",
        region_name=region_of(url),
        endpoint_url=endpoint_of(url),
        config=Config(
            read_timeout=read_timeout,
            connect_timeout=5,
            parameter_validation=False,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": attempts},
        ),
    )
    return client


@contextmanager
def queue_errors(operation: str) -> Iterator[None]:
    """Turn what boto3 raises in a block into the forwarder's error."""
    from botocore import exceptions as botocore
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except botocore.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "Unknown"))
        message = f"{operation} was refused: {code}"
        raise QueueError(message, code=code, retryable=_is_retryable(code)) from error
    except botocore.NoCredentialsError as error:
        message = f"{operation} needs AWS credentials and found none"
        raise QueueError(message, code="NoCredentials", retryable=False) from error
    except (
        botocore.ConfigNotFound,
        botocore.ConfigParseError,
        botocore.NoRegionError,
        botocore.PartialCredentialsError,
        botocore.ProfileNotFound,
    ) as error:
        code = type(error).__name__
        message = f"{operation} could not be made: {code}; check AWS's region and profile"
        raise QueueError(message, code=code, retryable=False) from error
    except (botocore.BotoCoreError, HTTPError, ResponseParserError, *_OTHERS) as error:
        code = type(error).__name__
        raise QueueError(f"{operation} failed: {code}", code=code, retryable=True) from error


def is_denied(error: QueueError) -> bool:
    """Tell whether the request lacked a permission, as opposed to being wrong or unlucky."""
    return bool(_DENIED.search(error.code))


def _is_retryable(code: str) -> bool:
    # KMS.ThrottlingException passes by itself; every other error of the key is ours to mend.
    is_ours = _DENIED.search(code) or _FATAL.search(code)
    return bool(_THROTTLED.search(code)) or not is_ours
