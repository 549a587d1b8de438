"""Histories as Stripe's webhooks: whose payments they are, what is sent, and in which disorder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tests.sql.histories import Plan, happen, in_order, one_by_one
from tests.sql.test_histories import attached

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from random import Random

    from tests.sql.credit_rules import Due
    from tests.sql.events import Event
    from tests.sql.history_player import HistoryPlayer, Outcome
    from tests.sql.purchases import Purchase
    from tests.sql.stripe_books import StripePayment

Item: TypeAlias = "Event | Purchase"
"""An event to deliver, or a purchase whose PaymentIntent the service attaches just then."""

TOGETHER = 10
"""So many histories are on their way at a time: few enough that requests meet at the same account."""


@dataclass(frozen=True)
class History:
    """A history that has begun: its purchases are open, and at Stripe everything has happened."""

    plan: Plan
    player: HistoryPlayer
    purchases: list[Purchase]
    payments: list[StripePayment]

    @classmethod
    def begin(cls, plan: Plan, player: HistoryPlayer) -> History:
        """Open its purchases, with the PaymentIntents that are attached from the first on."""
        purchases = player.open(plan)
        player.attach(attached("first", plan, purchases))
        payments = [happen(one, purchase) for one, purchase in zip(plan.purchases, purchases, strict=True)]
        return cls(plan, player, purchases, payments)

    @property
    def events(self) -> list[Event]:
        """All that Stripe tells of it, in order."""
        return in_order(self.payments)

    def deliver_in_order(self) -> None:
        """Deliver its events one by one as they happened, straight to Postgres."""
        self.player.attach(attached("midway", self.plan, self.purchases))
        self.player.deliver(one_by_one(self.events, self.plan.seed))

    def figures(self, outcome: Outcome) -> tuple[list[Due], list[Decimal]]:
        """What an outcome says of each purchase and each user, without the ids that differ each time."""
        users = self.player.users
        return (
            [outcome.purchases[purchase.id] for purchase in self.purchases],
            [outcome.balances[user] for user in users],
        )


def shuffled_mail(histories: Sequence[History], random: Random) -> list[Item]:
    """All events of some histories, then of some more, with the attaching midway, each part shuffled.

    Every fifth event is sent again some time earlier or later, and every tenth twice at the same moment.
    """
    mail: list[Item] = []
    for start in range(0, len(histories), TOGETHER):
        together = histories[start : start + TOGETHER]
        events = [event for history in together for event in history.events]
        items: list[Item] = [*events, *random.choices(events, k=len(events) // 5)]
        for history in together:
            items += attached("midway", history.plan, history.purchases)
        random.shuffle(items)
        for item in items:
            mail += [item] * (2 if random.random() < 0.1 else 1)
    return mail


def as_webhook(event: Event) -> dict[str, Any]:
    """The event as Stripe sends it, from the projection that the service makes of it."""
    sent = {name: value for name, value in event.items() if name != "object"}
    return {**sent, "object": "event", "pending_webhooks": 1, "data": {"object": event["object"]}}
