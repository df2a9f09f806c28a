"""Which routes an API has, in API Gateway's own words, and which of them ask for a signature.

See Also:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from urllib.parse import unquote

from saigon.rest import _canonical
from saigon.rest.exceptions import ConfigurationError
from saigon.rest.gateway._answers.refusal import Flavour, RefusedError
from saigon.rest.gateway._answers.standard import UNKNOWN_ROUTE

Authorization: TypeAlias = Literal["AWS_IAM", "NONE"]

DEFAULT_ROUTE: Final = "$default"
ANY: Final = "ANY"
_METHODS: Final = frozenset({ANY, "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_VARIABLE: Final = re.compile(r"\{[A-Za-z0-9._:-]+\}")
_GREEDY: Final = re.compile(r"\{[A-Za-z0-9._:-]+\+\}")
_LITERAL: Final = re.compile(r"[A-Za-z0-9._~:@!$&'()*,;=%-]*")

# How exactly a segment is named: the lower, the better.
_AS_IT_STANDS, _BY_VARIABLE, _GREEDILY = range(3)


@dataclass(frozen=True, slots=True)
class Route:
    """One route: a method and a path, of which the variables are all alike."""

    method: str
    segments: tuple[str, ...]
    ranks: tuple[int, ...]
    authorization: Authorization

    def has_path(self, path: str) -> bool:
        """Tell whether a path is one of the route's."""
        given = path[1:].split("/")
        if self.ranks[-1] == _GREEDILY:
            fixed = len(self.ranks) - 1
            return any(given[fixed:]) and self._fits(given[:fixed])
        return len(given) == len(self.segments) and self._fits(given)

    def _fits(self, given: list[str]) -> bool:
        if len(given) > len(self.segments):
            return False
        pairs = zip(self.segments, self.ranks, given, strict=False)
        return all(
            segment == text if rank == _AS_IT_STANDS else bool(text)
            for segment, rank, text in pairs
        )


class Routes:
    """The routes of an API; the one that names a request most exactly is the request's.

    Args:
        routes: Such as ``{"GET /health/live": "NONE", "ANY /{proxy+}": "AWS_IAM"}``; without any,
            every method and path is there and asks for a signature.
        flavour: In a REST API the path chooses the resource, which then has the method or has it
            not; an HTTP API looks for both at once, and may have a route ``$default``.
    """

    def __init__(self, routes: Mapping[str, Authorization] | None, flavour: Flavour) -> None:
        self._flavour = flavour
        self._default: Authorization | None = "AWS_IAM" if routes is None else None
        self._routes: list[Route] = []
        for key, authorization in (routes or {}).items():
            self._add(key, authorization)

    def _add(self, key: str, authorization: Authorization) -> None:
        if authorization not in {"AWS_IAM", "NONE"}:
            raise ConfigurationError(
                f"{key!r}: expected 'AWS_IAM' or 'NONE', got {authorization!r}"
            )
        if key == DEFAULT_ROUTE and self._flavour == "http":
            self._default = authorization
            return
        route = _parsed(key, authorization)
        shapes = {(each.method, _shape(each)) for each in self._routes}
        if (route.method, _shape(route)) in shapes:
            raise ConfigurationError(f"{key!r}: another route has the same method and path")
        self._routes.append(route)

    def authorization(self, method: str, path: str) -> Authorization:
        """Return what the route of a request asks for.

        The path as it stands chooses the route. An open one is open only to a path that is on
        open routes decoded too, and resolved as a signature resolves it: none can be written in
        a way that opens what a service takes it for.

        Raises:
            RefusedError: There is no such route.
        """
        if self._find(method, path) is None:
            raise RefusedError(UNKNOWN_ROUTE)
        written = (path, unquote(path, errors="replace"))
        forms = (*written, *map(_canonical.without_dot_segments, written))
        is_open = all(self._find(method, form) == "NONE" for form in forms)
        return "NONE" if is_open else "AWS_IAM"

    def _find(self, method: str, path: str) -> Authorization | None:
        fitting = [route for route in self._routes if route.has_path(path)]
        if self._flavour == "rest" and fitting:
            best = min(route.ranks for route in fitting)
            fitting = [route for route in fitting if route.ranks == best]
        served = [route for route in fitting if route.method in {method, ANY}]
        if not served:
            return self._default
        return min(served, key=lambda route: (route.ranks, route.method == ANY)).authorization


def _parsed(key: str, authorization: Authorization) -> Route:
    method, _, path = key.partition(" ")
    segments = tuple(path[1:].split("/"))
    ranks = tuple(_ranks(segments))
    if (
        method not in _METHODS
        or not path.startswith("/")
        or None in ranks
        or _GREEDILY in ranks[:-1]
    ):
        raise ConfigurationError(
            f"expected a route such as 'GET /orders/{{id}}' or 'ANY /{{proxy+}}', got {key!r}"
        )
    return Route(method, segments, tuple(rank for rank in ranks if rank is not None), authorization)


def _ranks(segments: Iterable[str]) -> Iterable[int | None]:
    for segment in segments:
        if _GREEDY.fullmatch(segment):
            yield _GREEDILY
        elif _VARIABLE.fullmatch(segment):
            yield _BY_VARIABLE
        else:
            yield _AS_IT_STANDS if _LITERAL.fullmatch(segment) else None


def _shape(route: Route) -> tuple[str | int, ...]:
    pairs = zip(route.segments, route.ranks, strict=True)
    return tuple(segment if rank == _AS_IT_STANDS else rank for segment, rank in pairs)
