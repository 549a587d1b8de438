"""PaymentIntents as tests need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stripe import Charge, PaymentIntent, StripeClient

RETURN_URL = "https://shop.example/paid?cart=7"


def pay(client: StripeClient, method: str = "pm_card_visa", **params: Any) -> PaymentIntent:
    """Create and confirm a PaymentIntent of $10 in one call."""
    wanted: Any = {
        "amount": 1000,
        "currency": "usd",
        "confirm": True,
        "payment_method": method,
        "return_url": RETURN_URL,
        **params,
    }
    return client.v1.payment_intents.create(wanted)


def charge_of(client: StripeClient, intent: PaymentIntent) -> Charge:
    """The latest charge, retrieved."""
    assert isinstance(intent.latest_charge, str)
    return client.v1.charges.retrieve(intent.latest_charge)


def types_since(client: StripeClient, event_id: str | None) -> list[str]:
    """The types of the events after this one, oldest first."""
    params: Any = {"limit": 100} | ({"ending_before": event_id} if event_id else {})
    events = client.v1.events.list(params).data
    return [event.type for event in reversed(events)]


def latest_event(client: StripeClient) -> str | None:
    """The id of the newest event."""
    events = client.v1.events.list({"limit": 1}).data
    return events[0].id if events else None
