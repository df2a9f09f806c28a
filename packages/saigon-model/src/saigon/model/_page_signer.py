"""How page tokens are signed. The first codec imports it, with all that it needs."""

import hashlib
from collections.abc import Callable
from typing import Final

from itsdangerous import BadData, TimestampSigner
from itsdangerous.encoding import base64_decode, base64_encode

# Whoever changes how values are written changes the salt too, so that no old token is misread.
_SALT: Final = b"saigon.model.pagination"


class PageSigner(TimestampSigner):
    """Signs with the last of the secrets, verifies with all of them."""

    def __init__(self, secrets: list[bytes], clock: Callable[[], float]) -> None:
        super().__init__(secrets, salt=_SALT, key_derivation="hmac", digest_method=hashlib.sha256)
        self._clock = clock

    def get_timestamp(self) -> int:
        """Return the time in seconds since the epoch."""
        return int(self._clock())

    def read(self, token: str) -> tuple[bytes, float]:
        """Return the payload, and its age in seconds.

        Raises:
            ValueError: The signature is not one of ours, or not written as we write it.
        """
        try:
            payload, signed_at = self.unsign(token, return_timestamp=True)
            is_canonical = _is_canonical(token.rpartition(".")[2])
        except BadData as exc:
            raise ValueError("not signed by this codec") from exc
        if not is_canonical:
            raise ValueError("not written as this codec writes")
        return payload, self.get_timestamp() - signed_at.timestamp()


def _is_canonical(signature: str) -> bool:
    # The last base64 character of 32 bytes carries two unused bits: four of them verify alike.
    return base64_encode(base64_decode(signature)) == signature.encode()
