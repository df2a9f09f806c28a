"""What a signature claims, wherever it stands."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from saigon.rest import _canonical
from saigon.rest.gateway._answers import signatures
from saigon.rest.gateway._answers.refusal import RefusedError

_SCOPE_PARTS: Final = 5
# strptime takes fewer digits too, and those of other scripts.
_DATE: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")


@dataclass(frozen=True, slots=True)
class Credential:
    """Whose signature it is, and what for."""

    access_key_id: str
    date: str
    region: str
    service: str
    terminator: str

    @classmethod
    def parse(cls, text: str) -> "Credential":
        """Read ``key id/date/region/service/aws4_request``."""
        parts = text.rstrip("/").split("/")
        if len(parts) != _SCOPE_PARTS:
            raise RefusedError(
                signatures.incomplete(
                    "Credential must have exactly 5 slash-delimited elements, e.g. "
                    f"keyid/date/region/service/term, got '{text}'",
                    why="the credential does not have its five parts",
                )
            )
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signature claims."""

    credential: Credential
    signed_headers: tuple[str, ...]
    signature: str
    signed_at: datetime
    token: str
    query: str
    """The query that is signed: all of it but the signature itself."""
    lifetime: timedelta | None = None
    """How long a pre-signed request is good for."""

    @property
    def timestamp(self) -> str:
        """The moment of signing as it is signed."""
        return self.signed_at.strftime(_canonical.DATE_FORMAT)


def read_date(text: str) -> datetime:
    """Read a date in the basic format of ISO 8601."""
    if _DATE.fullmatch(text):
        with suppress(ValueError):
            return datetime.strptime(text, _canonical.DATE_FORMAT).replace(tzinfo=UTC)
    raise RefusedError(
        signatures.incomplete(
            "Date must be in ISO-8601 'basic format'. "
            f"Got '{text}'. See http://en.wikipedia.org/wiki/ISO_8601",
            why="its date is not in the basic format of ISO 8601",
        )
    )


def require_algorithm(algorithm: str) -> None:
    """Refuse every other signature, such as the one for several regions."""
    if algorithm != _canonical.ALGORITHM:
        shown = f"'{algorithm}' " if algorithm.startswith("AWS4-") else ""
        raise RefusedError(
            signatures.incomplete(
                f"Unsupported AWS 'algorithm': {shown}(only {_canonical.ALGORITHM} for now).",
                why=f"its algorithm is not {_canonical.ALGORITHM}",
            )
        )
