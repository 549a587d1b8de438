"""The rules of settlement once more, in a few lines of Python: from the set of events to what is due."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.sql.events import Event
    from tests.sql.purchases import Purchase

_PAYMENT_STATES = {
    "payment_intent.created": "pending",
    "payment_intent.requires_action": "requires_action",
    "payment_intent.processing": "processing",
    "payment_intent.payment_failed": "failed",
    "payment_intent.canceled": "canceled",
    "payment_intent.succeeded": "succeeded",
}
_PAYMENT_ORDER = list(_PAYMENT_STATES)
_REFUND_ORDER = ["pending", "requires_action", "succeeded", "canceled", "failed"]


@dataclass(frozen=True)
class Due:
    """What one purchase comes to: what is shown of it, and the sum of its ledger entries by kind."""

    status: str
    refunded_minor: int
    disputed_minor: int
    purchase: Decimal
    refund: Decimal
    dispute: Decimal


def due(purchase: Purchase, events: Iterable[Event]) -> Due:
    """Give what is due for a purchase of which Stripe has told these events, in whatever order."""
    told = defaultdict(list)
    for event in events:
        told[_subject(event)].append(event)

    price = purchase.amount_minor
    state = _payment_state(told["payment"])
    refunded = min(price, _refunded(told))
    disputed = min(price, sum(_withdrawn(told[key]) for key in told if key.startswith("du_")))
    return settle(state, price, Decimal(purchase.credits), refunded, disputed)


def settle(state: str, price: int, credit_amount: Decimal, refunded: int, disputed: int) -> Due:
    """Give what is due for a payment in this state, with so much of its price refunded and disputed."""
    status = state
    if state == "succeeded":
        if disputed:
            status = "disputed"
        elif refunded:
            status = "refunded" if refunded == price else "partially_refunded"

    def share(part: int) -> Decimal:
        micro_credits = int(credit_amount * 1_000_000) if state == "succeeded" else 0
        return Decimal(micro_credits * min(part, price) // price).scaleb(-6)

    return Due(
        status,
        refunded,
        disputed,
        share(price),
        -share(refunded),
        share(refunded) - share(refunded + disputed),
    )


def _subject(event: Event) -> str:
    kind = event["object"]["object"]
    if kind == "payment_intent":
        return "payment"
    return "charge" if kind == "charge" else str(event["object"]["id"])


def _payment_state(events: list[Event]) -> str:
    """Succeeded beats canceled, that beats the rest, of which the newest counts, then the furthest."""
    types = {event["type"] for event in events}
    for final in ("payment_intent.succeeded", "payment_intent.canceled"):
        if final in types:
            return _PAYMENT_STATES[final]
    newest = max(events, key=lambda e: (e["created"], _PAYMENT_ORDER.index(e["type"]), e["id"]), default=None)
    return _PAYMENT_STATES[newest["type"]] if newest else "pending"


def _refunded(told: dict[str, list[Event]]) -> int:
    """Each refund by its furthest status; the charge's own sum, less what failed since, where it is more."""
    charged_at, charged = max(
        ((e["created"], e["object"]["amount_refunded"]) for e in told["charge"]), default=(0, 0)
    )
    standing = 0
    for events in (told[key] for key in told if key.startswith("re_")):
        furthest = max(_REFUND_ORDER.index(e["object"]["status"]) for e in events)
        since = min(e["created"] for e in events if e["object"]["status"] == _REFUND_ORDER[furthest])
        amount = events[0]["object"]["amount"]
        if _REFUND_ORDER[furthest] not in {"failed", "canceled"}:
            standing += amount
        elif since >= charged_at:
            charged -= amount
    return max(standing, charged)


def _withdrawn(events: list[Event]) -> int:
    """A dispute's money is gone once it was withdrawn or the dispute lost, unless it came back."""
    signs = {e["type"].removeprefix("charge.dispute.") for e in events} | {
        e["object"]["status"] for e in events
    }
    gone = signs & {"funds_withdrawn", "lost"} and not signs & {"funds_reinstated", "won"}
    return events[0]["object"]["amount"] if gone else 0
