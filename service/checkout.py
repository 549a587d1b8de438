"""POST /api/stripe/create-payment-intent: the request, checked, and the answer."""

import re
import uuid
from typing import Any, Final, NamedTuple

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency

from service.auth import Caller
from service.bodies import read_body
from service.contract import (
    PAYMENT_INTENT_RESPONSES,
    CreatePaymentIntentOperation,
    PaymentIntentCreated,
)
from service.errors import FAILURE_TEXT, InvalidRequestError
from service.payments import Payments

MAX_BODY: Final = 16 * 1024
"""Bytes of the request. A sound one has about a hundred."""

_FIELDS: Final = {"creditPackageId", "paymentMethodId"}
_PAYMENT_METHOD: Final = re.compile(r"pm_[A-Za-z0-9_]{1,250}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_IDEMPOTENCY_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")


class Order(NamedTuple):
    """What a client asks to buy."""

    package_id: uuid.UUID
    payment_method_id: str | None


def parse_order(content_type: str, body: bytes) -> Order:
    """The order in a request body, or an `InvalidRequestError` that says what to change."""
    if content_type not in {"application/json", ""}:
        raise InvalidRequestError("Content-Type must be application/json", "content_type")
    try:
        fields = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        raise InvalidRequestError("The request body is not valid JSON", "malformed_json") from None
    if not isinstance(fields, dict):
        raise InvalidRequestError("The request body must be a JSON object", "no_object")
    if unknown := fields.keys() - _FIELDS:
        raise InvalidRequestError(f"Unknown field in the request body: {min(unknown)[:64]}", "unknown_field")
    package_id, payment_method_id = fields.get("creditPackageId"), fields.get("paymentMethodId")
    if package_id is None or package_id == "":
        raise InvalidRequestError("Credit package ID is required", "package_id_required")
    if not isinstance(package_id, str) or not _UUID.fullmatch(package_id):
        raise InvalidRequestError("creditPackageId must be a UUID", "package_id_malformed")
    if payment_method_id is not None and not (
        isinstance(payment_method_id, str) and _PAYMENT_METHOD.fullmatch(payment_method_id)
    ):
        raise InvalidRequestError(
            "paymentMethodId must be the id of a PaymentMethod, pm_…", "payment_method_malformed"
        )
    return Order(uuid.UUID(package_id), payment_method_id)


def parse_idempotency_key(values: list[str]) -> str | None:
    """The Idempotency-Key header, at most one, of visible ASCII characters."""
    if not values:
        return None
    if len(values) != 1 or not _IDEMPOTENCY_KEY.fullmatch(values[0]):
        raise InvalidRequestError(
            "Idempotency-Key must be given once, 1 to 255 visible ASCII characters",
            "idempotency_key_malformed",
        )
    return values[0]


@post(
    "/create-payment-intent",
    summary="Create Payment Intent",
    status_code=200,
    operation_class=CreatePaymentIntentOperation,
    responses=PAYMENT_INTENT_RESPONSES,
    opt={FAILURE_TEXT: "Failed to create payment intent"},
)
async def create_payment_intent(
    request: Request[Any, Any, Any], caller: NamedDependency[Caller], payments: NamedDependency[Payments]
) -> PaymentIntentCreated:
    """Create a Stripe PaymentIntent for a credit package purchase. The package's own price is charged."""
    key = parse_idempotency_key(request.headers.getall("idempotency-key", []))
    order = parse_order(request.content_type[0], await read_body(request, MAX_BODY))
    intent = await payments.create_payment_intent(
        caller.user_id, order.package_id, order.payment_method_id, key
    )
    return PaymentIntentCreated(data=intent)
