"""The HTTP contract as the OpenAPI document shows it: every answer of every endpoint, with an example.

The rows here are for the document alone, and say `float` for a JSON number. Nothing decodes one.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import (
    Example,
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)
from msgspec import Struct

from service.errors import Failure
from service.payments import PaymentIntent


class Success(Struct):
    """The answer to a request that asks for nothing back."""

    success: Literal[True] = True


class PaymentIntentCreated(Struct, kw_only=True):
    """A PaymentIntent for the browser to confirm."""

    success: Literal[True] = True
    data: PaymentIntent


class CreditPackage(Struct, rename="camel"):
    """A package on sale. `amount` is its price in the currency's major unit."""

    id: str
    name: str
    description: str
    amount: float
    credit_amount: float
    is_active: bool


class Payment(Struct, rename="camel"):
    """One purchase of the user."""

    id: str
    amount: float
    credit_amount: float
    status: Literal[
        "pending",
        "requires_action",
        "processing",
        "failed",
        "canceled",
        "succeeded",
        "partially_refunded",
        "refunded",
        "disputed",
    ]
    created_at: str
    description: str


class Balance(Struct):
    """What the user can spend; below zero for a debt."""

    balance: float
    currency: str


class CreditPackages(Struct, kw_only=True):
    """The packages on sale."""

    success: Literal[True] = True
    data: list[CreditPackage]


class PaymentHistory(Struct, kw_only=True):
    """The user's purchases, newest first."""

    success: Literal[True] = True
    data: list[Payment]


class UserBalance(Struct, kw_only=True):
    """The user's balance."""

    success: Literal[True] = True
    data: Balance


def _success(container: type[Struct], **data: Any) -> ResponseSpec:
    example = Example(value={"success": True, **data})
    return ResponseSpec(container, False, HTTPStatus.OK.phrase, examples=[example])  # noqa: FBT003 - no made-up example


def _failures(*messages: tuple[HTTPStatus, str]) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(
            Failure,
            generate_examples=False,
            description=status.phrase,
            examples=[Example(value={"success": False, "error": message})],
        )
        for status, message in sorted(messages)
    }


READY_RESPONSES: Final = _failures(
    (HTTPStatus.SERVICE_UNAVAILABLE, "Not ready: the database cannot be reached")
)

_UNAVAILABLE: Final = (HTTPStatus.SERVICE_UNAVAILABLE, "Temporarily unavailable, please try again")


def _for_users(failure: str, *more: tuple[HTTPStatus, str]) -> dict[int, ResponseSpec]:
    return _failures(
        *more,
        (HTTPStatus.UNAUTHORIZED, "User not authenticated"),
        (HTTPStatus.FORBIDDEN, "User not authorized for action"),
        (HTTPStatus.INTERNAL_SERVER_ERROR, failure),
        _UNAVAILABLE,
    )


_PACKAGE_ID: Final = "5ca1ab1e-0000-4000-8000-000000000005"

PACKAGES_RESPONSES: Final = {
    200: _success(
        CreditPackages,
        data=[
            {
                "id": _PACKAGE_ID,
                "name": "Small Package",
                "description": "Perfect for light usage",
                "amount": 5.00,
                "creditAmount": 5.00,
                "isActive": True,
            }
        ],
    ),
    **_for_users("Failed to fetch credit packages"),
}

HISTORY_RESPONSES: Final = {
    200: _success(
        PaymentHistory,
        data=[
            {
                "id": "0b7e3c1a-5d0f-4c86-9a55-1f7f0c1f6a11",
                "amount": 15.00,
                "creditAmount": 15.00,
                "status": "succeeded",
                "createdAt": "2023-01-01T00:00:00Z",
                "description": "Medium Package purchase",
            }
        ],
    ),
    **_for_users("Failed to fetch payment history"),
}

BALANCE_RESPONSES: Final = {
    200: _success(UserBalance, data={"balance": 25.50, "currency": "usd"}),
    **_for_users("Failed to fetch balance"),
}

PAYMENT_INTENT_RESPONSES: Final = {
    200: _success(
        PaymentIntentCreated,
        data={"clientSecret": "pi_123456789_secret_abcdef", "paymentIntentId": "pi_123456789"},
    ),
    **_for_users(
        "Failed to create payment intent",
        (HTTPStatus.BAD_REQUEST, "Credit package ID is required"),
        (HTTPStatus.PAYMENT_REQUIRED, "Your card was declined."),
        (HTTPStatus.NOT_FOUND, "Credit package not found"),
        (HTTPStatus.CONFLICT, "This Idempotency-Key was used for another purchase"),
        (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request body is too large"),
        (HTTPStatus.TOO_MANY_REQUESTS, "Too many unpaid purchases: pay one that is open, or wait"),
    ),
}

WEBHOOK_RESPONSES: Final = {
    200: _success(Success),
    **_failures(
        (HTTPStatus.BAD_REQUEST, "Invalid signature"),
        (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request body is too large"),
        (HTTPStatus.INTERNAL_SERVER_ERROR, "Failed to process webhook"),
        _UNAVAILABLE,
    ),
}


def _header(name: str, description: str, schema: Schema, *, required: bool) -> Parameter:
    return Parameter(name=name, param_in="header", required=required, description=description, schema=schema)


@dataclass
class CreatePaymentIntentOperation(Operation):
    """Documents the body, which the route reads itself for messages that help."""

    def __post_init__(self) -> None:
        """Fill in the body and the optional header."""
        key = "Makes the whole call repeatable: the same key and body give the same PaymentIntent"
        visible = Schema(type=OpenAPIType.STRING, pattern=r"^[\x21-\x7E]{1,255}$")
        self.parameters = [_header("Idempotency-Key", key, visible, required=False)]
        schema = Schema(
            type=OpenAPIType.OBJECT,
            required=["creditPackageId"],
            additional_properties=False,
            properties={
                "creditPackageId": Schema(
                    type=OpenAPIType.STRING,
                    format=OpenAPIFormat.UUID,
                    description="The id of a package on sale",
                ),
                "paymentMethodId": Schema(
                    type=[OpenAPIType.STRING, OpenAPIType.NULL],
                    pattern="^pm_[A-Za-z0-9_]{1,250}$",
                    description="A PaymentMethod of Stripe",
                ),
            },
        )
        example = {"creditPackageId": _PACKAGE_ID, "paymentMethodId": "pm_card_visa"}
        self.request_body = RequestBody(
            {"application/json": OpenAPIMediaType(schema, example)}, required=True
        )


@dataclass
class WebhookOperation(Operation):
    """Documents what Stripe sends."""

    def __post_init__(self) -> None:
        """Fill in the signature's header and the body."""
        self.security = []
        signature = Schema(type=OpenAPIType.STRING)
        self.parameters = [
            _header("Stripe-Signature", "Signature for webhook validation", signature, required=True)
        ]
        # What else an event lacks is no reason to refuse it: it is kept for a person to look at.
        name = Schema(type=OpenAPIType.STRING, pattern=r"^[^\x00]{1,255}$")
        schema = Schema(
            type=OpenAPIType.OBJECT,
            required=["id", "type"],
            properties={"id": name, "type": name},
            description="A Stripe event, as it was signed",
        )
        self.request_body = RequestBody({"application/json": OpenAPIMediaType(schema)}, required=True)
