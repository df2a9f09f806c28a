"""A request that SQS refuses, and how its protocol says so."""

from typing import Final

PREFIX: Final = "AWS.SimpleQueueService."

_STATUSES: Final = {
    "InternalError": 500,
    "InternalFailure": 500,
    "OverLimit": 403,
    "ServiceUnavailable": 503,
}
_SHAPES: Final = {"NonExistentQueue": "QueueDoesNotExist"}
_SERVERS_FAULT: Final = 500


class RefusedError(Exception):
    """A request, or an entry of a batch, that is answered with an error code of SQS."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return _STATUSES.get(self.code, 400)

    @property
    def fault(self) -> str:
        """Whose fault it is, as the protocol's header spells it."""
        return "Sender" if self.status < _SERVERS_FAULT else "Receiver"

    @property
    def shape(self) -> str:
        """The error's name in the JSON protocol; the code is that of the older one.

        Clients get both: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
        """
        name = self.code.removeprefix(PREFIX)
        return _SHAPES.get(name, name)


def invalid_value() -> RefusedError:
    """Return the refusal of a value that is not one of SQS."""
    return RefusedError("InvalidParameterValue")


class UnansweredError(Exception):
    """A request whose connection is closed without an answer, at once or when the server is."""

    def __init__(self, *, hangs: bool) -> None:
        super().__init__(hangs)
        self.hangs = hangs
