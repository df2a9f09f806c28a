"""Messages whose payload is in S3."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

__all__ = ["S3Payloads"]


class S3Payloads(BaseModel):
    """Where the payloads of large messages are read, and how large they may be.

    The message is a pointer of AWS's Extended Client Libraries. It may come from anybody who can
    send to the queue, so only buckets that are named here are read. Objects are never deleted: a
    message can come again; let a lifecycle rule expire them later than the queues' retention.

    The credentials need ``s3:GetObject``, ``kms:Decrypt`` where the bucket is encrypted with a
    key, and ``s3:ListBucket``: without it S3 answers for an object that is gone as if it were
    forbidden, which ends the forwarder's work instead of the message's.
    See https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True
    )

    buckets: Annotated[Sequence[str], Field(min_length=1)]
    """The buckets that producers put payloads into."""
    prefix: str = ""
    """What the keys of payloads begin with."""
    max_bytes: Annotated[int, Field(ge=1)] = 10 * 1024 * 1024
    """The most bytes of a payload; a larger one makes its message a bad one."""
    concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    """How many payloads are read at once; so many are in memory beside those that were parsed."""
    s3_client: Annotated[Any, Field(repr=False)] = None
    """A boto3 client; by default one is made at first use."""

    @field_validator("buckets")
    @classmethod
    def _check_buckets(cls, buckets: Sequence[str]) -> Sequence[str]:
        from saigon.aws.s3._descriptor import check_bucket

        return tuple(map(check_bucket, buckets))
