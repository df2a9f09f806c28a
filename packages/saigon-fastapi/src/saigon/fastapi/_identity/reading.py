"""The identity of one request, by the one source that is configured."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.types import Scope

from saigon.fastapi._identity.events import identity_of, user_of
from saigon.fastapi._identity.identity import Identity
from saigon.fastapi._identity.sources import HeaderSource, IdentitySource, UserSource
from saigon.fastapi._request.header_names import HeaderNames
from saigon.fastapi._request.raw_headers import Found, raw_name
from saigon.fastapi.exceptions import IdentityHeaderError


class IdentityReader:
    """Reads identities.

    Args:
        source: The source; without one nobody is identified.
        names: The names of the identity headers.
    """

    def __init__(self, source: IdentitySource | None, names: HeaderNames) -> None:
        self._source = source
        self._names = {raw_name(name): name for name in names.of_identities}
        self._header = raw_name(source.header(names)) if isinstance(source, HeaderSource) else None

    @property
    def configured(self) -> bool:
        """Tell whether anybody can be identified."""
        return self._source is not None

    def believed_header(self, scope: Scope) -> bytes | None:
        """Return the header that the request is believed in, ``None`` where it is in none.

        Raises:
            Exception: What the rule of trust raises; it asks the service's own code for secrets.
        """
        source = self._source
        if not isinstance(source, HeaderSource) or not source.trust.trusts(scope):
            return None
        return self._header

    def of_event(self, context: Mapping[str, Any]) -> Identity | None:
        """Return the identity that an event tells of.

        Raises:
            IdentityHeaderError: It is malformed, or not one that is known here.
        """
        if isinstance(self._source, UserSource):
            return user_of(context, self._source.user_pools)
        return identity_of(context)

    def of_header(self, found: Found, believed: bytes | None) -> Identity | None:
        """Return the identity that a believed header tells of, ``None`` where there is none.

        Raises:
            IdentityHeaderError: It came twice, is malformed, or not one that is known here.
        """
        if believed is None or not isinstance(self._source, HeaderSource):
            return None
        values = found.get(believed, ())
        if len(values) > 1:
            raise IdentityHeaderError("the identity came more than once")
        # A gateway writes nothing for a caller whom it does not know.
        return self._source.identify(values[0].decode("latin-1")) if values and values[0] else None

    def ignored(self, found: Found, believed: bytes | None) -> Sequence[str]:
        """Return the identity headers that a request carries without being believed in them."""
        if self._names.keys().isdisjoint(found):
            return ()
        return [name for raw, name in self._names.items() if raw in found and raw != believed]
