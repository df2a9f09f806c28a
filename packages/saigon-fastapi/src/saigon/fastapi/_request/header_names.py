"""The names of the headers that make up a request context."""

import re
from dataclasses import astuple, dataclass
from typing import Final

from saigon.fastapi.exceptions import ConfigurationError
from saigon.model.http import (
    AMZN_TRACE_ID_HEADER,
    COGNITO_AUTH_PROVIDER_HEADER,
    IDENTITY_ID_HEADER,
    REQUEST_ID_HEADER,
    TRACEPARENT_HEADER,
)

# https://www.rfc-editor.org/rfc/rfc9110#name-tokens
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

_OTHERS: Final = frozenset(
    {"authorization", "cookie", "forwarded", "host", "user-agent", "x-forwarded-for"}
)


def require_header_name(name: str) -> None:
    """Do nothing for the name of a header.

    Raises:
        ConfigurationError: It is none.
    """
    if _TOKEN.fullmatch(name) is None:
        raise ConfigurationError(f"expected the name of a header, got {name!r}")


@dataclass(frozen=True, kw_only=True)
class HeaderNames:
    """Which headers a request context is read from, and written to for an onward call."""

    request_id: str = REQUEST_ID_HEADER
    """The id under which the request is logged."""

    identity_id: str = IDENTITY_ID_HEADER
    """The identity pool's id of the caller."""

    cognito_provider: str = COGNITO_AUTH_PROVIDER_HEADER
    """The provider string of the caller, a user of a user pool."""

    traceparent: str = TRACEPARENT_HEADER
    """The trace, by W3C Trace Context."""

    amzn_trace_id: str = AMZN_TRACE_ID_HEADER
    """The trace, by AWS X-Ray."""

    def __post_init__(self) -> None:
        names = astuple(self)
        for name in names:
            require_header_name(name)
        if len({name.lower() for name in names} - _OTHERS) != len(names):
            raise ConfigurationError(
                f"expected five different headers, and none that says something else, got {names}"
            )

    @property
    def of_identities(self) -> tuple[str, str]:
        """Return the headers that an identity may come in."""
        return self.cognito_provider, self.identity_id
