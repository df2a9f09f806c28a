"""A client with the addressing and the signature that S3 asks for today."""

from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from saigon.aws._clients import make_client
from saigon.aws.s3._virtual_host import is_aws_host

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.config import Config
    from mypy_boto3_s3.client import S3Client

__all__ = ["s3_get_client"]

_SIGV4: Final = {
    "v2": "s3v4",
    "s3": "s3v4",
    "s3-query": "s3v4-query",
    "s3-presign-post": "s3v4-presign-post",
    "v4-query": "s3v4-query",
    "v4-presign-post": "s3v4-presign-post",
}


def s3_get_client(
    *,
    region_name: str | None = None,
    endpoint_url: str | None = None,
    session: "Session | None" = None,
    config: "Config | None" = None,
) -> "S3Client":
    """Return an S3 client that signs with SigV4 and speaks to its region's own host.

    boto3's default pre-signs with SigV2 in some regions, and for the global host in others.
    See https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html

    Args:
        region_name: The bucket's region; the session's where absent. Where there is none at all,
            the host is the global one.
        endpoint_url: Another server than AWS; buckets are then addressed by path, as also where
            the environment or a profile names one.
        session: Where credentials come from; a new default session where absent.
        config: Settings that win over the ones made here.
    """

    def make(addressing_style: str) -> Any:
        return make_client(
            "s3",
            region_name=region_name,
            endpoint_url=endpoint_url,
            session=session,
            config=_config(addressing_style, config),
        )

    client = make("virtual" if endpoint_url is None else "path")
    if endpoint_url is None and not is_aws_host(urlsplit(client.meta.endpoint_url).hostname or ""):
        client = make("path")  # another server, that the environment or a profile names
    if config is None or getattr(config, "signature_version", None) is None:
        client.meta.events.register_first("choose-signer.s3", _without_sigv2)
    return cast("S3Client", client)


def _config(addressing_style: str, config: "Config | None") -> "Config":
    from botocore.config import Config

    addressing: Any = {
        "addressing_style": addressing_style,
        "us_east_1_regional_endpoint": "regional",
    }
    if config is None:
        return Config(s3=addressing)
    # A merge would replace the settings of S3 as a whole.
    return config.merge(Config(s3=addressing | (getattr(config, "s3", None) or {})))


def _without_sigv2(*, signature_version: Any, **_: Any) -> str | None:
    """Take SigV4 where botocore would take SigV2; its other choices stay, as for S3 Express."""
    return _SIGV4.get(signature_version)
