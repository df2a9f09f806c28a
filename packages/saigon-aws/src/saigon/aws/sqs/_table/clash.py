"""What a clash is that the database does not call one."""

from saigon.aws.sqs.exceptions import MessageRejectedError

__all__ = ["UniqueClashError"]


class UniqueClashError(MessageRejectedError):
    """A row was left out, most likely because of another unique key.

    Another row of the batch may give the value up.
    """
