"""What names an object: bucket, key and perhaps a version."""

from typing import NotRequired, TypedDict

__all__ = ["DescriptorArguments", "S3ObjectDescriptor", "describe", "resolve"]

_SCHEME = "s3://"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
_MAX_KEY_BYTES = 1024


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
    if (source is None) == (not arguments):
        raise ValueError("expected an object: either positionally or as Bucket=… and Key=…")
    if isinstance(source, str):
        return _checked(*_split_url(source), None)
    given = arguments if source is None else source
    unknown = given.keys() - S3ObjectDescriptor.__annotations__.keys()
    if unknown:
        raise ValueError(f"expected Bucket, Key and VersionId, got also {sorted(unknown)}")
    return _checked(given.get("Bucket"), given.get("Key"), given.get("VersionId"))


def describe(descriptor: S3ObjectDescriptor) -> str:
    """Return the descriptor as errors show it."""
    version = descriptor.get("VersionId")
    suffix = f" (version {version})" if version else ""
    return f"{_SCHEME}{descriptor['Bucket']}/{descriptor['Key']}{suffix}"


def _split_url(url: str) -> tuple[str, str]:
    if not url.startswith(_SCHEME):
        raise ValueError(f"expected s3://bucket/key, got a text without {_SCHEME}")
    bucket, _, key = url.removeprefix(_SCHEME).partition("/")
    return bucket, key


def _checked(bucket: object, key: object, version: object) -> S3ObjectDescriptor:
    if not isinstance(bucket, str) or bucket in {"", ".", ".."}:
        raise ValueError("expected the name of a bucket")
    if not isinstance(key, str) or not key:
        raise ValueError("expected the key of an object, not an empty one")
    if len(_utf8(key)) > _MAX_KEY_BYTES:
        raise ValueError(f"expected a key of at most {_MAX_KEY_BYTES} bytes in UTF-8")
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
