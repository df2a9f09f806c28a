"""One operation of a service as a class, which a test can call without HTTP."""

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable
from inspect import Parameter, signature
from typing import Any, Generic, TypeVar

from fastapi import APIRouter, FastAPI

from saigon.fastapi.exceptions import ConfigurationError

__all__ = ["RequestHandler"]

ReqT = TypeVar("ReqT")
RespT = TypeVar("RespT")


class RequestHandler(ABC, Generic[ReqT, RespT]):
    """Handles the requests of one operation, with what it needs given to its constructor.

    Example:
        .. code-block:: python

            class PlaceOrder(RequestHandler[NewOrder, Order]):
                def __init__(self, orders: Orders) -> None:
                    self._orders = orders

                def handle(self, request: NewOrder) -> Order:
                    return self._orders.add(request)


            PlaceOrder(orders).add_to(router, "POST", "/orders", status_code=201)
    """

    @abstractmethod
    def handle(self, request: ReqT) -> RespT | Awaitable[RespT]:
        """Answer one request; a ``def`` in a worker thread, an ``async def`` on the event loop.

        FastAPI reads its annotations as those of an endpoint: a model is the body,
        ``Annotated[Model, Query()]`` the query string, ``Annotated[Model, Depends()]`` both and
        the path.
        """

    def add_to(self, router: APIRouter | FastAPI, method: str, path: str, **options: Any) -> None:
        """Route requests to the handler, under the name of its class in snake case.

        Args:
            router: Where the operation belongs, a router or the app.
            method: The HTTP method.
            path: The path, without the router's prefix.
            options: Those of ``APIRouter.add_api_route``.

        Raises:
            ConfigurationError: What ``handle`` takes is not annotated, or by a type variable, so
                that FastAPI would look for it in the query string.
        """
        takes = next(iter(signature(self.handle).parameters.values()), None)
        if takes is not None and (
            takes.annotation is Parameter.empty or isinstance(takes.annotation, TypeVar)
        ):
            raise ConfigurationError(
                f"{type(self).__name__}.handle takes {takes.name!r}; annotate it with what it is"
            )
        options.setdefault("name", _snake_case(type(self).__name__))
        router.add_api_route(path, self.handle, methods=[method], **options)


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
