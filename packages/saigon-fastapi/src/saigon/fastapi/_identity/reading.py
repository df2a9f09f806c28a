"""The identity of one request, by the one source that is configured."""

from collections.abc import Sequence

from starlette.types import Scope

from saigon.fastapi._identity.events import gateway_context, identity_of, user_of
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
        if not isinstance(source, HeaderSource) or gateway_context(scope) is not None:
            return None
        return self._header if source.trust.trusts(scope) else None

    def read(self, scope: Scope, found: Found, believed: bytes | None) -> Identity | None:
        """Return the identity of a request, ``None`` where it has none that is believed.

        Raises:
            IdentityHeaderError: It is believed, but came twice or is malformed.
        """
        source = self._source
        if source is None:
            return None
        context = gateway_context(scope)
        if context is not None:
            if isinstance(source, UserSource):
                return user_of(context, source.user_pools)
            return identity_of(context)
        if believed is None or not isinstance(source, HeaderSource):
            return None
        values = found.get(believed, ())
        if len(values) > 1:
            raise IdentityHeaderError("the identity came more than once")
        # A gateway writes nothing for a caller whom it does not know.
        return source.identify(values[0].decode("latin-1")) if values and values[0] else None

    def ignored(self, found: Found, believed: bytes | None) -> Sequence[str]:
        """Return the identity headers that a request carries without being believed in them."""
        if self._names.keys().isdisjoint(found):
            return ()
        return [name for raw, name in self._names.items() if raw in found and raw != believed]
