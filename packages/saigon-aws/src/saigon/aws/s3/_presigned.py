"""URLs and forms that carry a permission of their own for some time."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Unpack

from saigon.aws.s3._descriptor import (
    DescriptorArguments,
    S3ObjectDescriptor,
    check_no_dot_segments,
    describe,
    resolve,
)
from saigon.aws.s3._errors import answer_of
from saigon.aws.s3._headers import check_header
from saigon.aws.s3.exceptions import S3Error

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

__all__ = ["S3PresignedPost", "s3_presigned_post", "s3_presigned_url"]

# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
_MAX_SECONDS = 604_800
_MAX_POST_BYTES = 5 * 1024**3

_EXPRESS = "--x-s3"
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateSession.html
_MAX_EXPRESS_SECONDS = 300
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
_MAX_SESSION_SECONDS = 129_600

_OPERATIONS = {"GET": "get_object", "HEAD": "head_object", "PUT": "put_object"}


@dataclass(frozen=True, slots=True)
class S3PresignedPost:
    """A form that uploads one object.

    The fields are a permission: they are in no repr, and belong in no log.
    """

    url: str
    """Where the form is posted to."""
    fields: dict[str, str] = field(repr=False)
    """The form's fields, to be sent before the field ``file``."""


def s3_presigned_url(
    client: "S3Client",
    source: S3ObjectDescriptor | str | None = None,
    /,
    *,
    method: Literal["GET", "HEAD", "PUT"] = "GET",
    expires_in: int = 900,
    content_type: str | None = None,
    **descriptor: Unpack[DescriptorArguments],
) -> str:
    """Return a URL that reads or writes one object without credentials of the caller's own.

    The URL is a permission and belongs in no log. Making it takes no request, but for renewing
    credentials, and for the session of a directory bucket.
    See https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html

    Args:
        client: An S3 client that signs with SigV4, as s3_get_client makes it.
        source: The object as a descriptor or as ``s3://bucket/key``, instead of keywords.
        method: What the URL is good for.
        expires_in: For how many seconds, from 1 to 604,800 (seven days), and no longer than the
            client's own credentials live: the URL dies with them. Those that renew themselves
            live for 15 minutes at least when they sign. Those that came ready with a session's
            token, as in AWS Lambda, do not say for how long: up to 36 hours is taken.
        content_type: With PUT: the media type that the upload must then be sent with.
        **descriptor: ``Bucket``, ``Key`` and perhaps ``VersionId``.

    Raises:
        ValueError: An argument is wrong, or the key has a segment ``.`` or ``..``, which HTTP
            clients fold into another object's URL.
        S3Error: There are no credentials to sign with.
    """
    found = resolve(source, descriptor)
    check_no_dot_segments(found["Key"])
    parameters = _parameters(found, method, content_type)
    _check_seconds(expires_in)
    _check_express(found["Bucket"], expires_in)
    where = describe(found)
    _check_credentials_life(client, expires_in, where)
    url = answer_of(
        where,
        client.generate_presigned_url,
        _OPERATIONS[method],
        Params=parameters,
        ExpiresIn=expires_in,
    )
    _check_signature("X-Amz-Signature=" in url)
    return url


def s3_presigned_post(
    client: "S3Client",
    bucket: str,
    key: str,
    *,
    max_bytes: int,
    min_bytes: int = 0,
    expires_in: int = 900,
    content_type: str | None = None,
) -> S3PresignedPost:
    """Return a form that uploads one object of a bounded size, from a browser for instance.

    See https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html

    Args:
        client: An S3 client that signs with SigV4, as s3_get_client makes it.
        bucket: Where to.
        key: The object's key, which the form cannot change.
        max_bytes: The most bytes that S3 takes, up to 5 GiB.
        min_bytes: The fewest.
        expires_in: As in s3_presigned_url.
        content_type: The media type that the form must name; absent, it may name none.

    Raises:
        ValueError: An argument is wrong; see s3_presigned_url.
        S3Error: There are no credentials to sign with.
    """
    found = resolve(None, DescriptorArguments(Bucket=bucket, Key=key))
    check_no_dot_segments(key)
    if bucket.endswith(_EXPRESS):
        raise ValueError("expected another kind of bucket: directory buckets take no forms")
    if "${filename}" in key:
        raise ValueError("expected a whole key: ${filename} lets the form choose another object")
    are_whole = type(min_bytes) is int and type(max_bytes) is int
    if not are_whole or not 0 <= min_bytes <= max_bytes <= _MAX_POST_BYTES:
        raise ValueError(f"expected 0 <= min_bytes <= max_bytes <= {_MAX_POST_BYTES}")
    _check_seconds(expires_in)
    if content_type is not None:
        check_header("content_type", content_type)
    fixed = {} if content_type is None else {"Content-Type": content_type}
    conditions: list[Any] = [["content-length-range", min_bytes, max_bytes], *_each(fixed)]
    where = describe(found)
    _check_credentials_life(client, expires_in, where)
    form: dict[str, Any] = answer_of(
        where,
        client.generate_presigned_post,
        bucket,
        key,
        Fields=fixed,
        Conditions=conditions,
        ExpiresIn=expires_in,
    )
    _check_signature("x-amz-signature" in form["fields"])
    return S3PresignedPost(url=form["url"], fields=form["fields"])


def _parameters(
    descriptor: S3ObjectDescriptor, method: str, content_type: str | None
) -> dict[str, Any]:
    if method not in _OPERATIONS:
        raise ValueError(f"expected a method of {sorted(_OPERATIONS)}, got {method!r}")
    if method != "PUT":
        if content_type is not None:
            raise ValueError("expected content_type with PUT alone")
        return dict(descriptor)
    if "VersionId" in descriptor:
        raise ValueError("expected no VersionId: PUT makes a version of its own")
    if content_type is not None:
        check_header("content_type", content_type)
    return {**descriptor, **({} if content_type is None else {"ContentType": content_type})}


def _each(fixed: dict[str, str]) -> list[dict[str, str]]:
    return [{name: value} for name, value in fixed.items()]


def _check_seconds(expires_in: object) -> None:
    if type(expires_in) is not int or not 1 <= expires_in <= _MAX_SECONDS:
        raise ValueError(f"expected expires_in of 1 to {_MAX_SECONDS} seconds")


def _check_credentials_life(client: "S3Client", expires_in: int, where: str) -> None:
    # botocore has no public way from a client to the credentials that it signs with.
    signer = getattr(client, "_request_signer", None)
    if signer is None:
        return
    credentials = getattr(signer, "_credentials", None)
    refresh_needed = getattr(credentials, "refresh_needed", None)
    if credentials is None:
        raise S3Error(f"there are no AWS credentials to sign with for {where}")
    if refresh_needed is None:
        _check_session_life(credentials, expires_in)
        return
    answer_of(where, credentials.get_frozen_credentials)  # makes or renews them, as signing does
    if refresh_needed(refresh_in=expires_in):
        text = f"the credentials expire before {expires_in} seconds; expected fewer"
        raise ValueError(f"{text}, or credentials of a longer session")


def _check_session_life(credentials: Any, expires_in: int) -> None:
    """Refuse what no session lives for: these credentials do not say how long theirs does."""
    if getattr(credentials, "token", None) and expires_in > _MAX_SESSION_SECONDS:
        raise ValueError(f"expected at most {_MAX_SESSION_SECONDS} seconds with a session's token")


def _check_express(bucket: str, expires_in: int) -> None:
    # Directory buckets are signed for by a session of the bucket's own.
    if bucket.endswith(_EXPRESS) and expires_in > _MAX_EXPRESS_SECONDS:
        raise ValueError(f"expected at most {_MAX_EXPRESS_SECONDS} seconds for a directory bucket")


def _check_signature(is_v4: bool) -> None:  # noqa: FBT001  # the one thing it checks
    if not is_v4:
        raise ValueError("expected a client that signs with SigV4; s3_get_client makes one")
