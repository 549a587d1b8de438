"""Stripe's objects as they are now, and the event by which the database learns of one.

An object that differs from what is known becomes an event like those that Stripe sends: of the type that
fits its state, projected by the same code, applied by the same function. Two things about it are made up.

`created` is when Stripe answered, by Stripe's clock, and never earlier than any event that the object
reflects:

- A final state (paid, canceled, refund failed, money withdrawn or back) wins whatever the times are. Only
  for a failed refund does the time count as well: `credits.refunded_minor` asks whether the charge's
  cumulative amount, if that is all that came, was told before the failure, and for that it must not be too
  early. If the real event comes later, its earlier time replaces this one.
- A state that is passed through (processing, failed, under review) wins over what came before, as the
  newest truth. An event of the same two seconds may lose to it; then the next run finds the difference.
- A PaymentIntent that waits to be paid takes its own `created`, like `payment_intent.created`: every other
  event overrules it.

The id follows from object and state, so it happens once, however often and by however many runs it is sent.
A state that can come back carries the time of the state that it replaces; else its second coming would be
taken for its first.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from service.events import project_event

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOCK_LAG: Final = 2
"""Seconds by which the Date of an answer may be behind the events of the object in it."""

Kind = Literal["payment_intent", "refund", "dispute"]

_PAYMENT_STATES: Final = {
    "requires_action": "requires_action",
    "processing": "processing",
    "canceled": "canceled",
    "succeeded": "succeeded",
}
_PAYMENT_EVENTS: Final = {
    "pending": "payment_intent.created",
    "requires_action": "payment_intent.requires_action",
    "processing": "payment_intent.processing",
    "failed": "payment_intent.payment_failed",
    "canceled": "payment_intent.canceled",
    "succeeded": "payment_intent.succeeded",
}
_DECIDED: Final = ("won", "lost")
_PASSED_THROUGH: Final = ("requires_action", "processing", "failed")
_CLOSED: Final = ("won", "lost", "warning_closed", "prevented")


class Snapshot(msgspec.Struct, frozen=True):
    """One object as Stripe shows it.

    Attributes:
        kind: What it is.
        id: The object's id.
        payment_intent: The PaymentIntent that it is or belongs to.
        transaction_id: The purchase that a PaymentIntent of ours names.
        type: The type of event that tells this state.
        state: A payment's state in our words, a refund's or dispute's status in Stripe's.
        funds: Of a dispute, where its money is: untouched, withdrawn or reinstated.
        amount: In the currency's smallest unit.
        at: When Stripe showed it, as `created` of the event.
        raw: The object as Stripe sent it.
    """

    kind: Kind
    id: str
    payment_intent: str | None
    transaction_id: uuid.UUID | None
    type: str
    state: str
    funds: str | None
    amount: int
    at: int
    raw: msgspec.Raw

    def event(self, *, livemode: bool, replaces: int | None) -> dict[str, Any]:
        """The projected event. `replaces` is the time of the state that is known so far, if there is one."""
        state = self.state if self.funds is None else f"{self.state}:{self.funds}"
        again = f":{replaces or 0}" if self._can_come_back else ""
        body = {
            "id": f"reconcile:{self.id}:{state}{again}",
            "type": self.type,
            "created": self.at,
            "livemode": livemode,
            "data": {"object": self.raw},
        }
        return project_event(msgspec.json.encode(body))

    @property
    def _can_come_back(self) -> bool:
        match self.kind:
            case "payment_intent":
                return self.state in _PASSED_THROUGH
            case "refund":
                return False
            case "dispute":
                return self.state not in _CLOSED


def take_snapshot(kind: Kind, raw: msgspec.Raw, at: int) -> Snapshot:
    """Read an object that Stripe answered at `at`."""
    found: dict[str, Any] = msgspec.json.decode(raw)
    if kind == "payment_intent":
        return _of_payment(found, raw, at)
    status = found.get("status") or "pending"
    if kind == "refund":
        event_type, funds = "refund.updated", None
    else:
        event_type, funds = _dispute_event(found, status)
    return Snapshot(
        kind=kind,
        id=found["id"],
        payment_intent=found.get("payment_intent"),
        transaction_id=None,
        type=event_type,
        state=status,
        funds=funds,
        amount=found["amount"],
        at=at + CLOCK_LAG,
        raw=raw,
    )


def _of_payment(found: Mapping[str, Any], raw: msgspec.Raw, at: int) -> Snapshot:
    state = _PAYMENT_STATES.get(found["status"], "pending")
    if found["status"] == "requires_payment_method" and found.get("last_payment_error"):
        state = "failed"
    return Snapshot(
        kind="payment_intent",
        id=found["id"],
        payment_intent=found["id"],
        transaction_id=transaction_named_in(found),
        type=_PAYMENT_EVENTS[state],
        state=state,
        funds=None,
        amount=found["amount"],
        at=found["created"] if state == "pending" else at + CLOCK_LAG,
        raw=raw,
    )


def transaction_named_in(found: Mapping[str, Any]) -> uuid.UUID | None:
    """The purchase that a PaymentIntent names; only ours names a user as well, both by UUID."""
    metadata = found.get("metadata") or {}
    try:
        uuid.UUID(metadata["user_id"])
        return uuid.UUID(metadata["transaction_id"])
    except (KeyError, ValueError):
        return None


def _dispute_event(found: Mapping[str, Any], status: str) -> tuple[str, str]:
    """The event that tells where a dispute's money is, and where (Stripe's documentation, "Dispute object").

    Its balance transactions show the money leaving and coming back; who wins gets it, booked or not.
    """
    booked = [entry["amount"] for entry in found.get("balance_transactions") or []]
    if any(amount > 0 for amount in booked):
        return "charge.dispute.funds_reinstated", "reinstated"
    if status in _DECIDED:
        return "charge.dispute.closed", "reinstated" if status == "won" else "withdrawn"
    if any(amount < 0 for amount in booked):
        return "charge.dispute.funds_withdrawn", "withdrawn"
    return "charge.dispute.updated", "untouched"
