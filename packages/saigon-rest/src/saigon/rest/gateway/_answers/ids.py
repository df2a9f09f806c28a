"""The ids that each kind of API gives to a request, and tells in its answer."""

import base64
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from saigon.rest.gateway._answers.refusal import Flavour

RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]

_NAMES: Final[dict[Flavour, tuple[bytes, ...]]] = {
    "rest": (b"x-amzn-requestid", b"x-amz-apigw-id"),
    "http": (b"apigw-requestid",),
}


@dataclass(frozen=True, slots=True)
class RequestIds:
    """The ids of one request."""

    request_id: str
    extended_request_id: str


def new_ids(flavour: Flavour) -> RequestIds:
    """Make ids as the flavour makes them; an HTTP API has but the one."""
    extended = base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()
    return RequestIds(str(uuid.uuid4()) if flavour == "rest" else extended, extended)


def with_ids(headers: RawHeaders, ids: RequestIds, flavour: Flavour) -> list[tuple[bytes, bytes]]:
    """Put the ids into an answer's headers, in place of the service's own."""
    names = _NAMES[flavour]
    kept = [(name, value) for name, value in headers if name.lower() not in names]
    values = (ids.request_id.encode(), ids.extended_request_id.encode())
    return [*kept, *zip(names, values, strict=False)]
