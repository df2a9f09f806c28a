"""A client with the addressing and the signature that S3 asks for today."""

from typing import TYPE_CHECKING, Any, cast

from saigon.aws._clients import make_client

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_s3.client import S3Client

__all__ = ["s3_get_client"]


def s3_get_client(
    *,
    region_name: str | None = None,
    endpoint_url: str | None = None,
    session: "Session | None" = None,
    config: "Config | None" = None,
) -> "S3Client":
    """Return an S3 client that signs with SigV4 and speaks to the bucket's own regional host.

    boto3's default pre-signs with SigV2 in some regions, and for the global host in others.
    See https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html

    Args:
        region_name: The bucket's region; the session's where absent.
        endpoint_url: Another server than AWS; buckets are then addressed by path.
        session: Where credentials come from; a new default session where absent.
        config: Settings that win over the ones made here.
    """
    client = make_client(
        "s3",
        region_name=region_name,
        endpoint_url=endpoint_url,
        session=session,
        config=_config(endpoint_url, config),
    )
    return cast("S3Client", client)


def _config(endpoint_url: str | None, config: "Config | None") -> "Config":
    from botocore.config import Config

    addressing: Any = {
        "addressing_style": "virtual" if endpoint_url is None else "path",
        "us_east_1_regional_endpoint": "regional",
    }
    ours = Config(signature_version="s3v4", s3=addressing)
    if config is None:
        return ours
    # A merge would replace the settings of S3 as a whole.
    return ours.merge(config).merge(Config(s3=addressing | (getattr(config, "s3", None) or {})))
