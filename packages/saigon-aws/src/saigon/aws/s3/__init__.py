"""Objects in S3: down, up, out of archives, and their URLs; right in the details.

boto3 is loaded when a client is made, not by importing this module.
"""

from saigon.aws.s3._client import s3_get_client
from saigon.aws.s3._content import BinaryReader
from saigon.aws.s3._descriptor import S3ObjectDescriptor
from saigon.aws.s3._download import s3_object_to_file
from saigon.aws.s3._events import (
    s3_object_descriptor_from_event,
    s3_object_descriptors_from_event,
)
from saigon.aws.s3._file import S3File
from saigon.aws.s3._limits import UnzipLimits
from saigon.aws.s3._presigned import S3PresignedPost, s3_presigned_post, s3_presigned_url
from saigon.aws.s3._progress import Progress
from saigon.aws.s3._temporary import s3_temporary_file, s3_temporary_unzip
from saigon.aws.s3._unzip import ZipMember, s3_iter_unzip, s3_object_unzip, s3_unzip_list
from saigon.aws.s3._upload import s3_write_bytes
from saigon.aws.s3._virtual_host import s3_virtual_host_object_url
from saigon.aws.s3.exceptions import (
    BadArchiveError,
    S3AccessDeniedError,
    S3Error,
    S3EventError,
    S3IntegrityError,
    S3ObjectChangedError,
    S3ObjectNotFoundError,
    S3ObjectTooLargeError,
    UnsafeMemberError,
    UnsupportedArchiveError,
    UnzipError,
    UnzipLimitError,
)

__all__ = [
    "BadArchiveError",
    "BinaryReader",
    "Progress",
    "S3AccessDeniedError",
    "S3Error",
    "S3EventError",
    "S3File",
    "S3IntegrityError",
    "S3ObjectChangedError",
    "S3ObjectDescriptor",
    "S3ObjectNotFoundError",
    "S3ObjectTooLargeError",
    "S3PresignedPost",
    "UnsafeMemberError",
    "UnsupportedArchiveError",
    "UnzipError",
    "UnzipLimitError",
    "UnzipLimits",
    "ZipMember",
    "s3_get_client",
    "s3_iter_unzip",
    "s3_object_descriptor_from_event",
    "s3_object_descriptors_from_event",
    "s3_object_to_file",
    "s3_object_unzip",
    "s3_presigned_post",
    "s3_presigned_url",
    "s3_temporary_file",
    "s3_temporary_unzip",
    "s3_unzip_list",
    "s3_virtual_host_object_url",
    "s3_write_bytes",
]
