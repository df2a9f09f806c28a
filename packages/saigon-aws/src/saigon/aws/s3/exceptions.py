"""The errors of ``saigon.aws.s3``.

::

    SaigonAwsError
     +-- S3Error
          +-- S3ObjectNotFoundError
          +-- S3AccessDeniedError
          +-- S3ObjectChangedError
          +-- S3ObjectTooLargeError
          +-- S3IntegrityError
          +-- S3EventError
          +-- UnzipError
               +-- BadArchiveError
               +-- UnsafeMemberError
               +-- UnsupportedArchiveError
               +-- UnzipLimitError

A wrong argument is a ``ValueError``, raised before any request.
"""

from saigon.aws.exceptions import SaigonAwsError

__all__ = [
    "BadArchiveError",
    "S3AccessDeniedError",
    "S3Error",
    "S3EventError",
    "S3IntegrityError",
    "S3ObjectChangedError",
    "S3ObjectNotFoundError",
    "S3ObjectTooLargeError",
    "UnsafeMemberError",
    "UnsupportedArchiveError",
    "UnzipError",
    "UnzipLimitError",
]


class S3Error(SaigonAwsError):
    """The root of what ``saigon.aws.s3`` raises of its own.

    Attributes:
        code: S3's own error code, such as ``SlowDown``, where S3 gave one.
        request_id: The request's id, by which AWS finds it, where S3 gave one.
    """

    code: str | None
    request_id: str | None

    def __init__(
        self, message: str, *, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id


class S3ObjectNotFoundError(S3Error):
    """There is no such bucket, object or version."""


class S3AccessDeniedError(S3Error):
    """Denied, or absent without ``s3:ListBucket``: S3 answers 403 for both."""


class S3ObjectChangedError(S3Error):
    """The object is not the one expected: it was replaced, or is there where none may be (412)."""


class S3ObjectTooLargeError(S3Error):
    """The object has more bytes than the caller or S3 allows."""


class S3IntegrityError(S3Error):
    """The bytes that came are not the bytes that were stored."""


class S3EventError(S3Error):
    """The event is not one that S3 or EventBridge sends about objects."""


class UnzipError(S3Error):
    """The archive was not extracted, or not read to its end; no file of it is left behind."""


class BadArchiveError(UnzipError):
    """The bytes are not a whole and consistent zip archive."""


class UnsafeMemberError(UnzipError):
    """A member would not become a plain file of its own inside the destination."""


class UnsupportedArchiveError(UnzipError):
    """The archive uses a part of the format that is refused: encryption, volumes, methods."""


class UnzipLimitError(UnzipError):
    """The archive is larger than the limits allow; the text says which limit."""
