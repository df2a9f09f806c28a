"""What names an object: bucket, key and perhaps a version."""

import re
from collections.abc import Mapping
from typing import NotRequired, TypedDict

__all__ = [
    "DescriptorArguments",
    "S3ObjectDescriptor",
    "check_bucket",
    "check_key",
    "check_no_dot_segments",
    "describe",
    "resolve",
]

_SCHEME = "s3://"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_MAX_KEY_BYTES = 1024
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, and what could be a
# name in us-east-1 before 2018
_BUCKET = re.compile(r"(?=.{3,255}$)[A-Za-z0-9](?:\.?[A-Za-z0-9_-])+", re.ASCII)
# Access points, those of Outposts, Object Lambda and several regions
_ARN = re.compile(
    r"arn:[a-z0-9:-]+(?:[:/]op-[a-z0-9]+)?[:/]accesspoint[:/][A-Za-z0-9.-]+", re.ASCII
)


class S3ObjectDescriptor(TypedDict):
    """The name of an object, in boto3's own keyword arguments: pass it with ``**``."""

    Bucket: str
    """The bucket's name, or the ARN of an access point."""
    Key: str
    """The object's key, decoded."""
    VersionId: NotRequired[str]
    """The version; the newest one where absent."""


class DescriptorArguments(TypedDict, total=False):
    """The keyword form of a descriptor, for functions that also take it positionally."""

    Bucket: str
    Key: str
    VersionId: str


def resolve(
    source: S3ObjectDescriptor | str | None, arguments: DescriptorArguments
) -> S3ObjectDescriptor:
    """Return the one descriptor that was given, positionally or by keywords.

    Raises:
        ValueError: None was given, or two, or one that names no object.
    """
    _check_names(arguments)
    if (source is None) == (not arguments):
        raise ValueError(
            "expected one object: either positionally or as Bucket=…, Key=… and perhaps VersionId=…"
        )
    if isinstance(source, str):
        return _checked(*_split_url(source), None)
    if source is not None and not isinstance(source, Mapping):
        raise ValueError(f"expected a descriptor or s3://bucket/key, got {type(source).__name__}")
    given = arguments if source is None else source
    _check_names(given)
    return _checked(given.get("Bucket"), given.get("Key"), given.get("VersionId"))


def describe(descriptor: S3ObjectDescriptor) -> str:
    """Return the descriptor as errors show it."""
    version = descriptor.get("VersionId")
    suffix = f" (version {version})" if version else ""
    text = f"{_SCHEME}{descriptor['Bucket']}/{descriptor['Key']}{suffix}"
    # A key may come from a stranger, and this text goes into logs.
    return text if text.isprintable() else repr(text)[1:-1]


def check_bucket(bucket: object) -> str:
    """Return what can be the name of a bucket, or an ARN that stands for one."""
    if not isinstance(bucket, str) or not (_BUCKET.fullmatch(bucket) or _ARN.fullmatch(bucket)):
        raise ValueError("expected the name of a bucket, or the ARN of an access point")
    return bucket


def check_key(key: object) -> str:
    """Return what can be the key of an object."""
    if not isinstance(key, str) or not key:
        raise ValueError("expected the key of an object, not an empty one")
    if len(_utf8(key)) > _MAX_KEY_BYTES:
        raise ValueError(f"expected a key of at most {_MAX_KEY_BYTES} bytes in UTF-8")
    return key


def check_no_dot_segments(key: str) -> None:
    """Refuse a key that HTTP clients fold into another object's URL (RFC 3986, 5.2.4)."""
    if not {".", ".."}.isdisjoint(key.split("/")):
        raise ValueError("expected a key without the segments '.' and '..'")


def _check_names(given: Mapping[str, object]) -> None:
    unknown = given.keys() - S3ObjectDescriptor.__annotations__.keys()
    if unknown:
        raise ValueError(f"expected Bucket, Key and VersionId, got also {sorted(unknown, key=str)}")


def _split_url(url: str) -> tuple[str, str]:
    if not url.startswith(_SCHEME):
        raise ValueError(f"expected s3://bucket/key, got a text without {_SCHEME}")
    name = url.removeprefix(_SCHEME)
    arn = _ARN.match(name)
    bucket = arn[0] if arn else name.partition("/")[0]
    return bucket, name[len(bucket) + 1 :]


def _checked(bucket: object, key: object, version: object) -> S3ObjectDescriptor:
    bucket, key = check_bucket(bucket), check_key(key)
    if version is None:
        return S3ObjectDescriptor(Bucket=bucket, Key=key)
    if not isinstance(version, str) or not version:
        raise ValueError("expected a version's id, or no VersionId at all")
    return S3ObjectDescriptor(Bucket=bucket, Key=key, VersionId=version)


def _utf8(key: str) -> bytes:
    try:
        return key.encode()
    except UnicodeEncodeError:
        pass
    raise ValueError("expected a key without lone surrogates, which UTF-8 cannot hold")
