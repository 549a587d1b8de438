"""Generated payment histories: who buys what, what happens at Stripe, and how its events are delivered."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.sql.stripe_books import StripePayment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.sql.events import Event
    from tests.sql.purchases import Purchase

USERS = 2

# Price in minor units, currency, credits: even and odd shares, tiny and huge ones, every currency exponent.
PACKAGES = [
    (1500, "usd", Decimal(15)),
    (999, "eur", Decimal(10)),
    (500, "jpy", Decimal("0.000007")),
    (7000, "kwd", Decimal("25.5")),
    (1, "usd", Decimal(1)),
    (997, "usd", Decimal("1234567890.123457")),
]


@dataclass(frozen=True)
class PurchasePlan:
    """One purchase to come. `attached` says when its PaymentIntent is attached: first, midway or never."""

    user: int
    package: int
    attached: str
    hears: str
    steps: Sequence[tuple[str, int]]


@dataclass(frozen=True)
class Plan:
    """A whole history, and the seed that shuffles its delivery."""

    purchases: Sequence[PurchasePlan]
    seed: int


_variant = st.integers(0, 999)
_attempts = st.lists(st.tuples(st.sampled_from(["attempt", "tell_again"]), _variant), max_size=2)
_endings = st.tuples(
    st.sampled_from(["succeed", "succeed", "succeed", "succeed", "cancel", "attempt"]), _variant
)
_reversals = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "start_refund",
                "move_refund",
                "move_refund",
                "start_dispute",
                "move_dispute",
                "move_dispute",
                "tell_again",
                "misfit",
            ]
        ),
        _variant,
    ),
    max_size=6,
)

plans = st.builds(
    Plan,
    purchases=st.lists(
        st.builds(
            PurchasePlan,
            user=st.integers(0, USERS - 1),
            package=st.integers(0, len(PACKAGES) - 1),
            attached=st.sampled_from(["first", "midway", "never"]),
            hears=st.sampled_from(["refunds", "both", "charges"]),
            steps=st.builds(lambda a, e, r: [*a, e, *r], _attempts, _endings, _reversals),
        ),
        min_size=1,
        max_size=3,
    ),
    seed=st.integers(0, 2**32 - 1),
)


def happen(plan: PurchasePlan, purchase: Purchase) -> StripePayment:
    """Let the plan happen at Stripe."""
    at_stripe = StripePayment(purchase, plan.hears)
    for name, variant in plan.steps:
        at_stripe.step(name, variant)
    return at_stripe


def in_order(payments: Sequence[StripePayment]) -> list[Event]:
    """Give all events as they happened, the purchases beside each other."""
    return sorted((event for p in payments for event in p.events), key=lambda event: int(event["created"]))


def one_by_one(events: Sequence[Event], _seed: int) -> list[list[Event]]:
    """Give the events as they are, each alone."""
    return [[event] for event in events]


def shuffled(events: Sequence[Event], seed: int) -> list[list[Event]]:
    """Give all events in batches, in any order, some of them more than once."""
    random = Random(seed)
    deliveries = [*events, *random.choices(events, k=random.randrange(len(events) // 3 + 1))]
    random.shuffle(deliveries)
    batches = []
    while deliveries:
        size = random.choice([1, 1, 2, 3, 5, 8])
        batches.append(deliveries[:size])
        del deliveries[:size]
    return batches
