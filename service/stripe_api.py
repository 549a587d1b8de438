"""The only module that imports Stripe's SDK: what is asked of Stripe, and its errors in our words.

The SDK takes as long to import as all the rest together, so `payments.py` alone imports this, in a thread.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import httpx
import stripe
import structlog

from service.errors import (
    CardDeclinedError,
    ConflictError,
    CustomerGoneError,
    FailedError,
    InvalidRequestError,
    TopupError,
    UnavailableError,
)
from service.ledger import Purchase

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams

TIMEOUT: Final = httpx.Timeout(8.0, connect=3.0)
"""Seconds for one attempt; the SDK's own default is 80."""

RETRIES: Final = 2
"""Further attempts after a network error, a 409 or a 5xx; the SDK's own default for a client is 0."""

# It would keep an id under the home directory and send it along.
stripe.enable_telemetry = False

log = structlog.get_logger()


class StripeApi:
    """Customers and PaymentIntents of one Stripe account, in the API version that the SDK pins."""

    def __init__(self, secret_key: str, api_base: str) -> None:
        self._http = stripe.HTTPXClient(timeout=TIMEOUT)
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_base},
            http_client=self._http,
            max_network_retries=RETRIES,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped

    async def create_customer(self, user_id: uuid.UUID, idempotency_key: str) -> str:
        """The id of a new customer, the same for the same key."""
        with _translated():
            customer = await self._client.v1.customers.create_async(
                {"metadata": {"user_id": str(user_id)}}, {"idempotency_key": idempotency_key}
            )
        return customer.id

    async def create_payment_intent(
        self,
        purchase: Purchase,
        user_id: uuid.UUID,
        customer_id: str,
        payment_method_id: str | None,
        idempotency_key: str,
    ) -> stripe.PaymentIntent:
        """A PaymentIntent over the purchase, the same for the same key. Raises also `CustomerGoneError`."""
        params: PaymentIntentCreateParams = {
            "amount": purchase.amount_minor,
            "currency": purchase.currency,
            "description": purchase.description,
            "customer": customer_id,
            "metadata": {"transaction_id": str(purchase.transaction_id), "user_id": str(user_id)},
            "automatic_payment_methods": {"enabled": True},
        }
        if payment_method_id is not None:
            params["payment_method"] = payment_method_id
        with _translated():
            return await self._client.v1.payment_intents.create_async(
                params, {"idempotency_key": idempotency_key}
            )

    async def retrieve_payment_intent(self, payment_intent_id: str) -> stripe.PaymentIntent:
        """A PaymentIntent by its id."""
        with _translated():
            return await self._client.v1.payment_intents.retrieve_async(payment_intent_id)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except stripe.StripeError as error:
        log.warning(
            "stripe refused",
            kind=type(error).__name__,
            code=error.code,
            param=getattr(error, "param", None),
            http_status=error.http_status,
            stripe_request_id=error.request_id,
        )
        raise _translate(error) from error


def _translate(error: stripe.StripeError) -> TopupError:
    """Our error for one of Stripe's (its documentation, "Error handling"). Only a card's message goes on."""
    match error:
        case stripe.CardError():
            return CardDeclinedError(error.user_message or "Your card was declined.", "card_declined")
        case stripe.InvalidRequestError(param="customer", code="resource_missing"):
            return CustomerGoneError()
        case stripe.InvalidRequestError() if "payment_method" in (error.param, (error.code or "")[:14]):
            return InvalidRequestError("This payment method cannot be used", "payment_method_refused")
        case stripe.IdempotencyError() | stripe.APIError(http_status=409):
            return ConflictError("The same request is under way or was made differently", "stripe_conflict")
        case stripe.RateLimitError() | stripe.APIConnectionError() | stripe.APIError():
            return UnavailableError("stripe_unavailable")
        case _:
            return FailedError(f"stripe_{type(error).__name__}")
