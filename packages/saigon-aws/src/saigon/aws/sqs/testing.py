"""A strict queue on this machine, for tests of what happens when things go wrong.

It answers boto3's requests for one queue or more on 127.0.0.1, and is stricter than SQS where SQS
is only allowed to be: a receive count and a new receipt handle for each receive, handles that
hold nothing once the message was received again, only those attributes that were asked for, and
on a FIFO queue groups that stay closed while one of their messages is in flight. Visibility goes
by a clock that tests move, or by a real one for workers that are processes of their own.
"""

from saigon.aws.sqs._testing.local import LocalSqs
from saigon.aws.sqs._testing.message import StoredMessage
from saigon.aws.sqs._testing.queue import StrictQueue

__all__ = ["LocalSqs", "StoredMessage", "StrictQueue"]
