"""Many connections with batches that overlap: nobody waits in a circle, and nothing is lost or doubled."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest
from psycopg.types.json import Jsonb

from tests.sql.credit_rules import due
from tests.sql.purchases import balance, ledger, new_package, new_user, open_purchase, status
from tests.sql.race import call, race
from tests.sql.stripe_books import StripePayment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.sql.database import Database
    from tests.sql.events import Event

CONNECTIONS = 8
USERS = 5
PURCHASES_OF_A_USER = 3
STEPS = [
    "attempt",
    "succeed",
    "start_refund",
    "move_refund",
    "start_refund",
    "start_dispute",
    "move_dispute",
    "tell_again",
    "misfit",
]

Verdicts = list[tuple[str, str]]


def deliver(batch: Sequence[Event], db: Database) -> Verdicts:
    answer = call(db, "record_stripe_events", events=Jsonb(batch))["record_stripe_events"]
    return [(verdict["id"], verdict["outcome"]) for verdict in answer]


def attach(payment: StripePayment, db: Database) -> Verdicts:
    purchase = payment.purchase
    call(db, "attach_payment_intent", transaction_id=purchase.id, payment_intent_id=purchase.payment_intent)
    return []


def grant(user_id: object, key: str, db: Database) -> Verdicts:
    call(db, "grant_credits", user_id=user_id, amount=Decimal(1), reason="Welcome", idempotency_key=key)
    return []


def work_of_one(payments: Sequence[StripePayment], number: int) -> list[Callable[[Database], Verdicts]]:
    """Make what one connection does: every event, in batches of its own, between grants and attachments."""
    random = Random(number)
    events = [event for payment in payments for event in payment.events]
    random.shuffle(events)
    work: list[Callable[[Database], Verdicts]] = []
    while events:
        size = random.choice([1, 2, 4, 8])
        work.append(partial(deliver, events[:size]))
        del events[:size]
    users = {payment.purchase.user_id for payment in payments}
    work += [partial(grant, user_id, f"welcome {number}") for user_id in users]
    work += [partial(attach, payment) for payment in payments[::2]]
    random.shuffle(work)
    return work


@pytest.fixture
def payments(committed_db: Database) -> list[StripePayment]:
    """Payments with a rich life at Stripe, of which the database knows no PaymentIntent yet."""
    random = Random(1)
    package_id = new_package(committed_db, 999, "usd", 10)
    payments = []
    for user_id in [new_user(committed_db) for _ in range(USERS)]:
        for hears in ("refunds", "both", "charges")[:PURCHASES_OF_A_USER]:
            payment = StripePayment(open_purchase(committed_db, user_id, package_id, attached=False), hears)
            for name in STEPS:
                payment.step(name, random.randrange(1000))
            payments.append(payment)
    return payments


def test_overlapping_batches_neither_deadlock_nor_fail_nor_double(
    database_url: str, committed_db: Database, payments: list[StripePayment]
) -> None:
    deadlocks = "select deadlocks from pg_stat_database where datname = current_database()"
    before = committed_db.value(int, deadlocks)

    def run(work: list[Callable[[Database], Verdicts]], db: Database) -> Verdicts:
        verdicts = [verdict for one in work for verdict in one(db)]
        db.execute("select pg_stat_force_next_flush()")
        return verdicts

    shifts = [work_of_one(payments, number) for number in range(CONNECTIONS)]
    assert sum(len(work) for work in shifts) >= 300
    told = race(database_url, [partial(run, work) for work in shifts])

    first_outcomes = Counter(
        (event_id, outcome) for verdicts in told for event_id, outcome in verdicts if outcome != "duplicate"
    )
    events = {event["id"] for payment in payments for event in payment.events}
    assert Counter(event_id for event_id, _ in first_outcomes.elements()) == dict.fromkeys(events, 1)
    assert {outcome for _, outcome in first_outcomes} <= {"applied", "mismatch", "ignored"}
    assert committed_db.value(int, deadlocks) == before
    for payment in payments:
        assert_settled(committed_db, payment)
    for user_id in {payment.purchase.user_id for payment in payments}:
        own = [payment for payment in payments if payment.purchase.user_id == user_id]
        posted = sum(amount for payment in own for _, amount in ledger(committed_db, payment.purchase))
        assert balance(committed_db, user_id) == CONNECTIONS + posted


def assert_settled(db: Database, payment: StripePayment) -> None:
    expected = due(payment.purchase, [event for event in payment.events if event not in payment.misfits])
    sums = {"purchase": Decimal(0), "refund": Decimal(0), "dispute": Decimal(0)}
    for kind, amount in ledger(db, payment.purchase):
        sums[kind] += amount
    assert status(db, payment.purchase) == expected.status
    assert sums == {
        "purchase": expected.purchase,
        "refund": expected.refund,
        "dispute": expected.dispute,
    }
