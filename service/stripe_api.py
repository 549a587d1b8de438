"""All that the service and the operators' commands ask of Stripe, and its errors in our words.

Stripe's SDK takes as long to import as all the rest together, so of the service `payments.py` alone imports
this, in a thread. Besides this module only the doctor imports the SDK: it asks with a client of its own, in
order to tell each of Stripe's own errors.
"""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx
import msgspec
import stripe
import structlog

from service.errors import (
    CardDeclinedError,
    ConflictError,
    CustomerGoneError,
    FailedError,
    InvalidRequestError,
    RateLimitedError,
    TopupError,
    UnavailableError,
)
from service.ledger import Purchase
from service.telemetry import Telemetry

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams

TIMEOUT: Final = httpx.Timeout(8.0, connect=3.0)
"""Seconds for one attempt; the SDK's own default is 80."""

RETRIES: Final = 2
"""Further attempts after a network error, a 409 or a 5xx; the SDK's own default for a client is 0."""

PAGE: Final = 100
"""Objects in one page of a list, the most that Stripe gives."""

# It would keep an id under the home directory and send it along.
stripe.enable_telemetry = False

log = structlog.get_logger()


class Answer(NamedTuple):
    """JSON as Stripe sent it, and when it did by Stripe's own clock (Unix seconds)."""

    body: bytes
    at: int


class Page(msgspec.Struct):
    """Objects of a list, the newest first, each as Stripe sent it."""

    data: list[msgspec.Raw]
    has_more: bool
    at: int = 0


class StripeApi:
    """Customers and PaymentIntents of one Stripe account, in the API version that the SDK pins."""

    def __init__(self, secret_key: str, api_base: str, telemetry: Telemetry | None = None) -> None:
        self._telemetry = telemetry or Telemetry()
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
        with self._asking("create_customer"):
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
        with self._asking("create_payment_intent"):
            return await self._client.v1.payment_intents.create_async(
                params, {"idempotency_key": idempotency_key}
            )

    async def retrieve_payment_intent(self, payment_intent_id: str) -> stripe.PaymentIntent:
        """A PaymentIntent by its id."""
        with self._asking("retrieve_payment_intent"):
            return await self._client.v1.payment_intents.retrieve_async(payment_intent_id)

    async def read(self, path: str, **params: Any) -> Answer:
        """GET a path of the API. Raises also `RateLimitedError`."""
        return await self._request("get", path, params)

    async def list_page(self, path: str, **params: Any) -> Page:
        """One page of a list, or of a search."""
        answer = await self.read(path, limit=PAGE, **params)
        page = msgspec.json.decode(answer.body, type=Page)
        page.at = answer.at
        return page

    async def cancel_payment_intent(self, payment_intent_id: str) -> Answer:
        """Cancel a PaymentIntent that nobody pays any more; what it is then.

        `FailedError` with the code `stripe_payment_intent_unexpected_state` if it is paid or being paid.
        """
        path = f"/v1/payment_intents/{payment_intent_id}/cancel"
        return await self._request("post", path, {"cancellation_reason": "abandoned"})

    async def _request(self, method: str, path: str, params: Mapping[str, Any]) -> Answer:
        with self._asking(method):
            response = await self._client.raw_request_async(method, path, **params)
        return Answer(response.body.encode(), _time_of(response.headers))

    @contextmanager
    def _asking(self, call: str) -> Iterator[None]:
        with self._telemetry.call("stripe", call), _translated():
            yield


def _time_of(headers: Mapping[str, str]) -> int:
    try:
        return int(parsedate_to_datetime(headers["date"]).timestamp())
    except (KeyError, ValueError):
        return int(time.time())


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


def _translate(error: stripe.StripeError) -> TopupError:  # noqa: PLR0911 - one for each kind of error
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
        case stripe.RateLimitError():
            wait = (error.headers or {}).get("retry-after", "")
            return RateLimitedError(int(wait) if wait.isdecimal() else None)
        case stripe.APIConnectionError() | stripe.APIError():
            return UnavailableError("stripe_unavailable")
        case _:
            return FailedError(f"stripe_{error.code or type(error).__name__}")
