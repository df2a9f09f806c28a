"""One of API Gateway's own answers, in the form of each kind of API."""

import json
from dataclasses import dataclass
from typing import Literal, TypeAlias

Flavour: TypeAlias = Literal["rest", "http"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that says why to callers of a REST API, and hardly to those of an HTTP API."""

    error_type: str | None
    """A REST API's ``x-amzn-errortype``. Without one its front end answers, in plain text."""
    message: str
    status: int = 403
    http_message: str = "Forbidden"
    http_status: int | None = None
    """The status of an HTTP API, where it is another one."""
    why: str
    """For the log of whoever sits at the desk; it holds no secret."""

    def status_of(self, flavour: Flavour) -> int:
        """Return the status."""
        return self.http_status or self.status if flavour == "http" else self.status

    def body(self, flavour: Flavour) -> bytes:
        """Return the body."""
        if flavour == "rest" and self.error_type is None:
            return self.message.encode()
        message = self.message if flavour == "rest" else self.http_message
        return json.dumps({"message": message}, separators=(",", ":")).encode()

    def headers(self, flavour: Flavour) -> list[tuple[bytes, bytes]]:
        """Return the headers, but for the request's ids."""
        length = (b"content-length", str(len(self.body(flavour))).encode())
        if flavour == "http":
            return [(b"content-type", b"application/json"), length]
        if self.error_type is None:
            return [(b"content-type", b"text; charset=utf-8"), length]
        named = (b"x-amzn-errortype", self.error_type.encode())
        return [(b"content-type", b"application/json"), length, named]


class RefusedError(Exception):
    """A request does not reach the service."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.why)
        self.refusal = refusal
