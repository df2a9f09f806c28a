"""Put together the headers that the service gets."""

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import SecretStr

from saigon.rest.gateway._answers.refusal import Flavour
from saigon.rest.gateway._onward.exchange import Exchange
from saigon.rest.gateway._onward.forwarding import forwarding_headers
from saigon.rest.gateway._onward.variables import Variables

_AUTHORIZATION: Final = b"authorization"
_NOBODY: Final = "-"


class OnwardHeaders:
    """The mapping of one API.

    On a route that asks for no signature the headers of callers and the secret ones say nothing:
    a REST API overwrites them with ``-``, an HTTP API removes them.

    Args:
        flavour: The kind of API.
        mapping: Which header is filled with which ``$context`` variable.
        secret_headers: Static headers.
    """

    def __init__(
        self,
        flavour: Flavour,
        mapping: Mapping[str, str],
        secret_headers: Mapping[str, str | SecretStr] | None,
    ) -> None:
        self._flavour: Flavour = flavour
        self._variables = Variables(flavour)
        self._mapping = {
            name.lower().encode(): variable
            for name, variable in self._variables.check(mapping).items()
        }
        self._secrets = {
            name.lower().encode(): _reveal(value) for name, value in (secret_headers or {}).items()
        }

    def of(self, exchange: Exchange) -> list[tuple[bytes, bytes]]:
        """Return the headers of a request that is let through."""
        own = {
            **forwarding_headers(exchange, self._flavour),
            **self._mapped(exchange),
            **self._static(exchange),
        }
        replaced = {*own, _AUTHORIZATION} if exchange.caller else {*own}
        kept = [
            (name.lower(), value)
            for name, value in exchange.scope["headers"]
            if name.lower() not in replaced
        ]
        if self._flavour == "http":
            kept = _joined(kept)
        filled = [(name, value.encode()) for name, value in own.items() if value is not None]
        return kept + filled

    def _mapped(self, exchange: Exchange) -> dict[bytes, str | None]:
        return {
            name: self._nothing
            if exchange.caller is None and self._variables.is_of_callers(variable)
            else self._variables.value(variable, exchange)
            for name, variable in self._mapping.items()
        }

    def _static(self, exchange: Exchange) -> Mapping[bytes, str | None]:
        return self._secrets if exchange.caller else dict.fromkeys(self._secrets, self._nothing)

    @property
    def _nothing(self) -> str | None:
        return _NOBODY if self._flavour == "rest" else None


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    # https://www.rfc-editor.org/rfc/rfc9113#section-8.2.3 for the one that commas would spoil
    return [
        (name, (b"; " if name == b"cookie" else b",").join(each)) for name, each in values.items()
    ]


def _reveal(value: str | SecretStr) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value
