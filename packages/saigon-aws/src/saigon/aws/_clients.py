"""Make boto3 clients where none was handed in; boto3 is imported only then."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config


def make_client(
    service: str,
    *,
    region_name: str | None = None,
    endpoint_url: str | None = None,
    session: "Session | None" = None,
    config: "Config | None" = None,
) -> Any:
    """Return a new client of the service, from the session handed in or a new default one.

    A new session, not boto3's shared default one: that one is not safe to use from threads.
    """
    if session is None:
        from boto3.session import Session

        session = Session()
    make: Any = session.client  # typed for literal names alone
    return make(service, region_name=region_name, endpoint_url=endpoint_url, config=config)
