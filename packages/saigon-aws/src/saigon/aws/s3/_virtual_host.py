"""Where a bucket and its objects are, by botocore's endpoint rules."""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from saigon.aws.s3._descriptor import check_bucket, check_key, check_no_dot_segments

if TYPE_CHECKING:
    from botocore.endpoint_provider import EndpointProvider

__all__ = ["is_aws_host", "s3_virtual_host_object_url"]

_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+", re.ASCII)


def s3_virtual_host_object_url(
    region: str,
    bucket: str,
    object_key: str | None = None,
    *,
    fips: bool = False,
    dual_stack: bool = False,
) -> str:
    """Return the URL of an object, or of its bucket, without a request and without credentials.

    The rules are botocore's own, with the domains of all partitions. A bucket with a dot in its
    name is addressed by path, because no certificate matches it as a host.
    See https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html

    Args:
        region: The bucket's region.
        bucket: The bucket.
        object_key: The object's key, decoded; it is percent-encoded here.
        fips: Whether the host is one of FIPS 140.
        dual_stack: Whether the host answers to IPv6 too.

    Raises:
        ValueError: There is no such host, or the key has a segment ``.`` or ``..``: HTTP clients
            fold those into another object's URL.
    """
    base = _bucket_url(region, bucket, fips=fips, dual_stack=dual_stack)
    if object_key is None:
        return base
    check_no_dot_segments(check_key(object_key))
    return f"{base}/{quote(object_key, safe='/~')}"


def _bucket_url(region: str, bucket: str, *, fips: bool, dual_stack: bool) -> str:
    from botocore.exceptions import EndpointProviderError

    check_bucket(bucket)
    if not _REGION.fullmatch(str(region)):
        raise ValueError("expected a region such as eu-west-1")
    try:
        endpoint = _provider().resolve_endpoint(
            Region=region, Bucket=bucket, UseFIPS=fips, UseDualStack=dual_stack
        )
    except EndpointProviderError as error:
        raise ValueError(f"there is no host for bucket {bucket!r} in {region!r}") from error
    return str(endpoint.url)


def is_aws_host(host: str) -> bool:
    """Tell whether a host is in a domain of one of AWS's partitions."""
    outputs = [partition["outputs"] for partition in _partitions()["partitions"]]
    suffixes = {each[name] for each in outputs for name in ("dnsSuffix", "dualStackDnsSuffix")}
    return host.endswith(tuple(f".{suffix}" for suffix in suffixes))


@lru_cache(maxsize=1)
def _provider() -> "EndpointProvider":
    from botocore.endpoint_provider import EndpointProvider
    from botocore.loaders import create_loader

    rules = create_loader().load_service_model("s3", "endpoint-rule-set-1")
    return EndpointProvider(rules, _partitions())


@lru_cache(maxsize=1)
def _partitions() -> Any:
    from botocore.loaders import create_loader

    return create_loader().load_data("partitions")
