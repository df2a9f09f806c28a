"""The orders API: orders go into the queue, pages of them come out of the database."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Depends, FastAPI, HTTPException, status
from pydantic import SecretStr
from sqlalchemy import Table, select

from orders.importer import UPLOADS
from orders.models import Accepted, Order, StoredOrder, UploadAddress, UploadRequest
from saigon.aws.s3 import s3_presigned_post
from saigon.fastapi.headers import (
    CognitoProviderHeader,
    GatewaySecret,
    RequestContext,
    request_context,
)
from saigon.fastapi.utils import create_app, validate_query_pagination_params
from saigon.model import ProblemDetails, QueryDataParams, QueryDataResult
from saigon.orm.connection import DbConnector

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

GATEWAY_SECRET_HEADER: Final = "X-Gateway-Secret"  # noqa: S105  # its name
_UPLOAD_SECONDS: Final = 300
_CHALLENGE: Final = {"WWW-Authenticate": "AWS4-HMAC-SHA256"}
_UNAUTHORIZED: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": ProblemDetails, "description": "Nobody has signed the request."}
}


@dataclass(frozen=True)
class OrdersService:
    """What the API stands on."""

    db: DbConnector
    orders: Table
    sqs: "SQSClient"
    orders_queue_url: str
    s3: "S3Client"
    bucket: str
    user_pools: Sequence[str]
    gateway_secret: Callable[[], SecretStr]


def orders_app(service: OrdersService) -> FastAPI:
    """Return the application."""
    return create_app(
        title="Orders",
        routers=[orders_router(service)],
        identity=CognitoProviderHeader(
            trust=GatewaySecret(GATEWAY_SECRET_HEADER, service.gateway_secret),
            user_pools=service.user_pools,
        ),
        readiness={"database": service.db.ping},
    )


async def calling_user(context: Annotated[RequestContext, Depends(request_context)]) -> str:
    """Return the ``sub`` of the user that the gateway has verified."""
    if context.user_sub is None:
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED, "log in and sign the request", headers=_CHALLENGE
        )
    return context.user_sub


Customer = Annotated[str, Depends(calling_user)]
Page = Annotated[QueryDataParams[Any], Depends(validate_query_pagination_params)]


def orders_router(service: OrdersService) -> APIRouter:
    """Return the routes."""
    router = APIRouter(responses=_UNAUTHORIZED)

    @router.post("/orders", status_code=status.HTTP_202_ACCEPTED)
    def place_order(order: Order, customer: Customer) -> Accepted:
        """Take an order into the queue. The same order placed twice counts once."""
        stored = StoredOrder.of(customer, order)
        service.sqs.send_message(
            QueueUrl=service.orders_queue_url, MessageBody=stored.model_dump_json()
        )
        return Accepted(id=stored.id)

    @router.get("/orders")
    def list_orders(customer: Customer, page: Page) -> QueryDataResult[StoredOrder]:
        """List the caller's orders, the latest first."""
        table = service.orders
        mine = select(table).where(table.c.customer == customer)
        return service.db.fetch_page(StoredOrder, mine, page, order_by=[table.c.placed_at.desc()])

    @router.post("/uploads", status_code=status.HTTP_201_CREATED)
    def open_upload(wanted: UploadRequest, customer: Customer) -> UploadAddress:
        """Give an address to upload a zip file of orders to, one JSON object a line."""
        form = s3_presigned_post(
            service.s3,
            service.bucket,
            f"{UPLOADS}/{customer}/{uuid4()}.zip",
            max_bytes=wanted.size,
            expires_in=_UPLOAD_SECONDS,
        )
        return UploadAddress(url=form.url, fields=form.fields)

    return router
