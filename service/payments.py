"""Buying credits: a purchase in the database, then a PaymentIntent at Stripe, each at most once."""

import asyncio
import uuid
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from service.errors import CustomerGoneError, FailedError, UnavailableError
from service.ledger import Ledger, Purchase
from service.settings import Settings
from service.telemetry import Telemetry

if TYPE_CHECKING:
    import stripe

    from service.stripe_api import StripeApi


PATIENCE: Final = 20.0
"""Seconds for one purchase, retries and all: less than a stopping service gives to the requests in flight."""


class PaymentIntent(msgspec.Struct, rename="camel"):
    """What a browser needs to let its user pay, as the contract names it."""

    client_secret: str
    payment_intent_id: str


class Payments:
    """The purchase of a credit package.

    The row comes first and Stripe second, with the row's id as Stripe's idempotency key. So whichever step a
    call dies at, the same call with the same key ends at the same PaymentIntent, and a webhook that arrives
    before the two are tied finds its purchase by the PaymentIntent's metadata.
    """

    def __init__(self, settings: Settings, ledger: Ledger, telemetry: Telemetry) -> None:
        self._settings = settings
        self._ledger = ledger
        self._telemetry = telemetry
        self._connecting: asyncio.Task[StripeApi] | None = None

    def connect(self) -> "asyncio.Task[StripeApi]":
        """Load Stripe's SDK in a thread, once; the event loop goes on serving meanwhile."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(
                asyncio.to_thread(_load_stripe, self._settings, self._telemetry)
            )
        return self._connecting

    async def close(self) -> None:
        """Close the connections to Stripe."""
        if self._connecting is not None:
            await (await self._connecting).close()

    async def create_payment_intent(
        self,
        user_id: uuid.UUID,
        package_id: uuid.UUID,
        payment_method_id: str | None,
        idempotency_key: str | None,
    ) -> PaymentIntent:
        """The PaymentIntent to pay for a package; the same one for the same idempotency key and arguments.

        Raises the errors of `Ledger.open_credit_purchase` and `StripeApi.create_payment_intent`, and
        `UnavailableError` after PATIENCE.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._purchase(user_id, package_id, payment_method_id, idempotency_key)
        except TimeoutError as error:
            raise UnavailableError("purchase_took_too_long") from error

    async def _purchase(
        self,
        user_id: uuid.UUID,
        package_id: uuid.UUID,
        payment_method_id: str | None,
        idempotency_key: str | None,
    ) -> PaymentIntent:
        purchase = await self._ledger.open_credit_purchase(
            user_id,
            package_id,
            livemode=self._settings.livemode,
            idempotency_key=idempotency_key,
            payment_method_id=payment_method_id,
        )
        structlog.contextvars.bind_contextvars(transaction_id=str(purchase.transaction_id))
        stripe_api = await asyncio.shield(self.connect())
        if purchase.stripe_payment_intent_id is not None:
            # Stripe forgets idempotency keys after a day; the row does not.
            return _answer(await stripe_api.retrieve_payment_intent(purchase.stripe_payment_intent_id))
        intent = await self._create_at_stripe(stripe_api, purchase, user_id, payment_method_id)
        structlog.contextvars.bind_contextvars(payment_intent_id=intent.id)
        await self._ledger.attach_payment_intent(purchase.transaction_id, intent.id)
        return _answer(intent)

    async def _create_at_stripe(
        self,
        stripe_api: "StripeApi",
        purchase: Purchase,
        user_id: uuid.UUID,
        payment_method_id: str | None,
    ) -> "stripe.PaymentIntent":
        key = f"topup-{purchase.transaction_id}"
        customer = purchase.stripe_customer_id or await self._create_customer(stripe_api, user_id)
        try:
            return await stripe_api.create_payment_intent(purchase, user_id, customer, payment_method_id, key)
        except CustomerGoneError:
            successor = await self._create_customer(stripe_api, user_id, replaces=customer)
            # Other parameters need another key, or Stripe refuses them.
            return await stripe_api.create_payment_intent(
                purchase, user_id, successor, payment_method_id, f"{key}-{successor}"
            )

    async def _create_customer(
        self, stripe_api: "StripeApi", user_id: uuid.UUID, replaces: str | None = None
    ) -> str:
        livemode = self._settings.livemode
        key = f"topup-customer-{user_id}-{'live' if livemode else 'test'}"
        created = await stripe_api.create_customer(user_id, key if replaces is None else f"{key}-{replaces}")
        return await self._ledger.save_stripe_customer(user_id, created, livemode=livemode, replaces=replaces)


def _load_stripe(settings: Settings, telemetry: Telemetry) -> "StripeApi":
    from service.stripe_api import StripeApi  # noqa: PLC0415 - slow to import, so not before it is needed

    return StripeApi(settings.stripe_secret_key, settings.stripe_api_base, telemetry)


def _answer(intent: "stripe.PaymentIntent") -> PaymentIntent:
    if intent.client_secret is None:
        raise FailedError("payment_intent_without_client_secret")
    return PaymentIntent(client_secret=intent.client_secret, payment_intent_id=intent.id)
