"""A payment as Stripe keeps it: what really happened to the money, and every event that told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from tests.sql.events import charge_refunded, dispute, payment, refund

if TYPE_CHECKING:
    from tests.sql.events import Event
    from tests.sql.purchases import Purchase

_NEXT_REFUND_STATES = {
    "pending": ["succeeded", "failed", "requires_action", "canceled"],
    "requires_action": ["succeeded", "canceled", "failed"],
    "succeeded": ["failed"],
}
_NEXT_DISPUTE_STATES = {
    "warning_needs_response": ["needs_response", "warning_under_review", "warning_closed"],
    "warning_under_review": ["warning_closed", "needs_response"],
    "needs_response": ["lost", "won", "under_review"],
    "under_review": ["won", "lost"],
}
_MOST_DISPUTES = 2


@dataclass
class Reversal:
    """A refund or a dispute: its amount in minor units and its newest status."""

    id: str
    amount: int
    status: str


@dataclass
class StripePayment:
    """One PaymentIntent with its refunds and disputes.

    `hears` is what the webhook endpoint is subscribed to for refunds: "refunds", "charges" (an endpoint on
    an older API version, which hears of new refunds by charge.refunded alone), or "both".
    """

    purchase: Purchase
    hears: str
    now: int = 0
    state: str = "created"
    refunds: list[Reversal] = field(default_factory=list)
    disputes: list[Reversal] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    misfits: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tell(payment(self.purchase, "created", at=self.now))

    @property
    def refunded(self) -> int:
        """The part of the price that refunds have taken and not given back."""
        return sum(r.amount for r in self.refunds if r.status not in {"failed", "canceled"})

    @property
    def disputed(self) -> int:
        """The part of the price that disputes have taken and not given back, at most all of it."""
        taken = sum(d.amount for d in self.disputes if d.status in {"needs_response", "under_review", "lost"})
        return min(taken, self.purchase.amount_minor)

    def step(self, name: str, variant: int) -> None:
        """Let one thing happen, where it can, in one of its variants."""
        pick = Random(variant)
        self.now += pick.randrange(3) + (self.hears == "charges")
        getattr(self, name)(pick)

    def attempt(self, pick: Random) -> None:
        """Let the buyer try, which gets no further than this."""
        self._become(pick.choice(["requires_action", "processing", "payment_failed"]))

    def succeed(self, _pick: Random) -> None:
        """Let the payment succeed."""
        self._become("succeeded")

    def cancel(self, _pick: Random) -> None:
        """Let the PaymentIntent be canceled."""
        self._become("canceled")

    def start_refund(self, pick: Random) -> None:
        """Refund all that is left, or a part."""
        left = self.purchase.amount_minor - self.refunded
        if self.state != "succeeded" or left == 0:
            return
        amount = pick.choice([left, max(1, self.purchase.amount_minor // 3), 1, max(1, left // 2)])
        started = Reversal(
            f"re_{len(self.refunds)}{self.purchase.payment_intent}",
            min(amount, left),
            pick.choice(["pending", "succeeded"]),
        )
        self.refunds.append(started)
        if self.hears != "charges":
            self._tell_refund(started, "refund.created")
        if self.hears != "refunds":
            self._tell(charge_refunded(self.purchase, self.refunded, at=self.now))

    def move_refund(self, pick: Random) -> None:
        """Move one refund on to another status, or start the first."""
        if not self.refunds:
            self.start_refund(pick)
            return
        moved = pick.choice(self.refunds)
        states = _NEXT_REFUND_STATES.get(moved.status)
        if states:
            moved.status = pick.choice(states)
            change = "failed" if moved.status == "failed" else "updated"
            self._tell_refund(
                moved, "charge.refund.updated" if self.hears == "charges" else f"refund.{change}"
            )

    def start_dispute(self, pick: Random) -> None:
        """Let the bank dispute the payment, or inquire first."""
        if self.state != "succeeded" or len(self.disputes) == _MOST_DISPUTES:
            return
        started = Reversal(
            f"du_{len(self.disputes)}{self.purchase.payment_intent}",
            pick.choice([self.purchase.amount_minor, max(1, self.purchase.amount_minor // 3)]),
            pick.choice(["warning_needs_response", "needs_response"]),
        )
        self.disputes.append(started)
        self._tell_dispute(started, "created")
        if started.status == "needs_response":
            self._tell_dispute(started, "funds_withdrawn")

    def move_dispute(self, pick: Random) -> None:
        """Move one dispute on to another status, or start the first."""
        if not self.disputes:
            self.start_dispute(pick)
            return
        moved = pick.choice(self.disputes)
        states = _NEXT_DISPUTE_STATES.get(moved.status)
        if not states:
            return
        moved.status = pick.choice(states)
        closed = moved.status in {"won", "lost", "warning_closed"}
        self._tell_dispute(moved, "closed" if closed else "updated")
        if moved.status == "needs_response":
            self._tell_dispute(moved, "funds_withdrawn")
        elif moved.status == "won":
            self._tell_dispute(moved, "funds_reinstated")

    def tell_again(self, _pick: Random) -> None:
        """Tell of the newest change once more, under an id of its own."""
        newest = self.events[-1]
        self._tell(dict(newest))
        if newest in self.misfits:
            self.misfits.append(self.events[-1])

    def misfit(self, pick: Random) -> None:
        """Send an event that must change nothing, as it is not about this payment's money."""
        wrong: dict[str, object] = pick.choice([{"amount": 2}, {"currency": "xxx"}, {"amount_received": 0}])
        event = payment(self.purchase, "succeeded", at=self.now)
        event["object"] |= wrong
        self._tell(event)
        self.misfits.append(event)

    def _become(self, state: str) -> None:
        if self.state not in {"succeeded", "canceled"}:
            self.state = state
            self._tell(payment(self.purchase, state, at=self.now))

    def _tell_refund(self, about: Reversal, change: str) -> None:
        told = refund(self.purchase, about.id, about.amount, about.status, at=self.now)
        self._tell(told | {"type": change})

    def _tell_dispute(self, about: Reversal, change: str) -> None:
        told = dispute(self.purchase, change, about.status, at=self.now)
        told["object"] |= {"id": about.id, "amount": about.amount}
        self._tell(told)

    def _tell(self, event: Event) -> None:
        # Ids that sort in another order than they were made, and are the same in every run.
        scattered = len(self.events) * 7919 % 10007
        event["id"] = f"evt_{scattered:05}{self.purchase.payment_intent}"
        self.events.append(event)
