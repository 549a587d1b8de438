"""Events of Stripe in the projection that the service hands to record_stripe_events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from tests.sql.database import Database
    from tests.sql.purchases import Purchase

Event = dict[str, Any]

_EPOCH = 1_700_000_000

_PAYMENT_STATUS = {
    "created": "requires_payment_method",
    "requires_action": "requires_action",
    "processing": "processing",
    "payment_failed": "requires_payment_method",
    "canceled": "canceled",
    "succeeded": "succeeded",
}


def payment(purchase: Purchase, change: str, *, at: int = 0, **fields: object) -> Event:
    """Build `payment_intent.<change>`, `at` seconds into the story; `fields` replace the object's own."""
    intent = {
        "id": purchase.payment_intent,
        "object": "payment_intent",
        "amount": purchase.amount_minor,
        "amount_received": purchase.amount_minor if change == "succeeded" else 0,
        "currency": purchase.currency,
        "status": _PAYMENT_STATUS[change],
        "livemode": purchase.livemode,
        "metadata": {"transaction_id": str(purchase.id), "user_id": str(purchase.user_id)},
        "created": _EPOCH,
    }
    return _event(purchase, f"payment_intent.{change}", at, intent | fields)


def refund(
    purchase: Purchase,
    refund_id: str,
    amount: int,
    status: str = "succeeded",
    *,
    at: int = 10,
    **fields: object,
) -> Event:
    """Build an event whose object is a refund, with the status that the refund has by then."""
    refunded = {
        "id": refund_id,
        "object": "refund",
        "amount": amount,
        "currency": purchase.currency,
        "status": status,
        "payment_intent": purchase.payment_intent,
        "charge": purchase.payment_intent.replace("pi_", "ch_"),
        "created": _EPOCH + 10,
        "metadata": {},
    }
    change = "failed" if status == "failed" else "updated"
    return _event(purchase, f"refund.{change}", at, refunded | fields)


def charge_refunded(purchase: Purchase, amount_refunded: int, *, at: int = 10, **fields: object) -> Event:
    """Build `charge.refunded`: a Charge with the sum of its refunds so far."""
    charge = {
        "id": purchase.payment_intent.replace("pi_", "ch_"),
        "object": "charge",
        "amount": purchase.amount_minor,
        "amount_refunded": amount_refunded,
        "currency": purchase.currency,
        "status": "succeeded",
        "livemode": purchase.livemode,
        "payment_intent": purchase.payment_intent,
        "created": _EPOCH,
        "metadata": {},
    }
    return _event(purchase, "charge.refunded", at, charge | fields)


def dispute(purchase: Purchase, change: str, status: str, *, at: int = 20, **fields: object) -> Event:
    """Build `charge.dispute.<change>` of the purchase's one dispute, which is over the whole price."""
    disputed = {
        "id": purchase.payment_intent.replace("pi_", "du_"),
        "object": "dispute",
        "amount": purchase.amount_minor,
        "currency": purchase.currency,
        "status": status,
        "livemode": purchase.livemode,
        "payment_intent": purchase.payment_intent,
        "charge": purchase.payment_intent.replace("pi_", "ch_"),
        "reason": "fraudulent",
        "created": _EPOCH + 20,
        "metadata": {},
    }
    return _event(purchase, f"charge.dispute.{change}", at, disputed | fields)


def new_event_id() -> str:
    return f"evt_{uuid4().hex}"


def under_another_id(event: Event) -> Event:
    """Build the second event by which Stripe may tell of one change."""
    return event | {"id": new_event_id()}


def _event(purchase: Purchase, event_type: str, at: int, stripe_object: Event) -> Event:
    return {
        "id": new_event_id(),
        "type": event_type,
        "created": _EPOCH + at,
        "livemode": purchase.livemode,
        "api_version": "2026-10-28.endive",
        "object": stripe_object,
    }


def deliver(db: Database, *events: Event) -> list[str]:
    """Deliver the events in one call; give per event its outcome, with the reason after a colon.

    Of a failure the reason is its SQLSTATE.
    """
    answer = db.rpc("record_stripe_events", events=Jsonb(list(events)))["record_stripe_events"]
    assert [verdict["id"] for verdict in answer] == [event["id"] for event in events]
    return [
        f"{verdict['outcome']}: {verdict['reason'].split()[0]}" if verdict["reason"] else verdict["outcome"]
        for verdict in answer
    ]
