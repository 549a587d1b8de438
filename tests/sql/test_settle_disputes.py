"""What disputes do to a purchase: credits go when the money is withdrawn, and come back with it."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from tests.sql.events import deliver, dispute, payment, refund, under_another_id
from tests.sql.purchases import Purchase, balance, ledger, new_package, open_purchase, status

if TYPE_CHECKING:
    from tests.sql.database import Database
    from tests.sql.events import Event


@pytest.fixture
def paid(db: Database) -> Purchase:
    """15 credits bought for 15.00 usd."""
    purchase = open_purchase(db)
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
    return purchase


def opened(purchase: Purchase) -> list[Event]:
    return [
        dispute(purchase, "created", "needs_response", at=20),
        dispute(purchase, "funds_withdrawn", "needs_response", at=20),
    ]


def won(purchase: Purchase) -> list[Event]:
    return [
        dispute(purchase, "closed", "won", at=30),
        dispute(purchase, "funds_reinstated", "won", at=30),
    ]


def test_dispute_takes_the_credits_when_its_money_is_withdrawn(db: Database, paid: Purchase) -> None:
    created, withdrawn = opened(paid)
    assert deliver(db, created) == ["applied"]
    assert (status(db, paid), balance(db, paid.user_id)) == ("succeeded", 15)
    assert deliver(db, withdrawn) == ["applied"]
    assert (status(db, paid), balance(db, paid.user_id)) == ("disputed", 0)
    with db.acting_as("authenticated", paid.user_id):
        assert db.column("select disputed_amount::text from public.credit_transactions") == ["15.00"]


def test_dispute_lost_keeps_the_credits_taken(db: Database, paid: Purchase) -> None:
    assert deliver(db, *opened(paid), dispute(paid, "closed", "lost", at=30)) == ["applied"] * 3
    assert (status(db, paid), balance(db, paid.user_id)) == ("disputed", 0)
    assert ledger(db, paid) == [("purchase", 15), ("dispute", -15)]


def test_dispute_won_gives_the_credits_back(db: Database, paid: Purchase) -> None:
    assert deliver(db, *opened(paid)) == ["applied"] * 2
    assert deliver(db, *won(paid)) == ["applied"] * 2
    assert (status(db, paid), balance(db, paid.user_id)) == ("succeeded", 15)
    assert ledger(db, paid) == [("purchase", 15), ("dispute", -15), ("dispute", 15)]


def test_inquiry_only_moves_nothing(db: Database, paid: Purchase) -> None:
    inquiry = [
        dispute(paid, "created", "warning_needs_response", at=20),
        dispute(paid, "updated", "warning_under_review", at=21),
        dispute(paid, "closed", "warning_closed", at=22),
    ]
    assert deliver(db, *inquiry) == ["applied"] * 3
    assert (status(db, paid), ledger(db, paid)) == ("succeeded", [("purchase", 15)])


def test_inquiry_that_becomes_a_dispute_takes_the_credits(db: Database, paid: Purchase) -> None:
    assert deliver(db, dispute(paid, "created", "warning_needs_response", at=19)) == ["applied"]
    assert deliver(db, *opened(paid)) == ["applied"] * 2
    assert balance(db, paid.user_id) == 0


@pytest.mark.parametrize("ending", ["won", "lost"])
def test_dispute_ends_the_same_in_any_order(db: Database, ending: str) -> None:
    for order in permutations(range(4)):
        purchase = open_purchase(db)
        told = [
            payment(purchase, "succeeded"),
            *opened(purchase),
            dispute(purchase, "closed", ending, at=30),
        ]
        for number in order:
            assert deliver(db, told[number]) == ["applied"]
        expected = ("succeeded", 15) if ending == "won" else ("disputed", 0)
        assert (status(db, purchase), balance(db, purchase.user_id)) == expected, order


def test_same_dispute_under_two_event_ids_counts_once(db: Database, paid: Purchase) -> None:
    created, withdrawn = opened(paid)
    told = [created, withdrawn, under_another_id(withdrawn), under_another_id(created)]
    assert deliver(db, *told) == ["applied"] * 4
    assert ledger(db, paid) == [("purchase", 15), ("dispute", -15)]


def test_part_of_a_payment_is_disputed(db: Database, paid: Purchase) -> None:
    assert deliver(db, dispute(paid, "funds_withdrawn", "needs_response", amount=600)) == ["applied"]
    assert (status(db, paid), balance(db, paid.user_id)) == ("disputed", 9)


def test_dispute_after_a_partial_refund_takes_only_what_is_left(db: Database) -> None:
    for order in permutations(range(2)):
        purchase = open_purchase(db)
        told = [
            refund(purchase, f"re_{purchase.id}", 500),
            dispute(purchase, "funds_withdrawn", "needs_response"),
        ]
        assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
        assert deliver(db, *(told[number] for number in order)) == ["applied"] * 2
        assert balance(db, purchase.user_id) == 0
        posted = ledger(db, purchase)
        assert sum(amount for kind, amount in posted if kind == "refund") == -5
        assert sum(amount for kind, amount in posted if kind == "dispute") == -10


def test_refund_and_dispute_of_thirds_leave_exactly_zero(db: Database) -> None:
    purchase = open_purchase(db, package_id=new_package(db, 999, "usd", 10))
    told = [
        payment(purchase, "succeeded"),
        refund(purchase, "re_1", 333),
        dispute(purchase, "funds_withdrawn", "needs_response", amount=333),
        refund(purchase, "re_2", 333),
    ]
    for event in told:
        assert deliver(db, event) == ["applied"]
    assert balance(db, purchase.user_id) == 0
    assert sum(amount for _, amount in ledger(db, purchase)) == Decimal(0)


def test_two_disputes_of_one_payment_add_up(db: Database, paid: Purchase) -> None:
    told = [
        dispute(paid, "funds_withdrawn", "needs_response", id="du_1", amount=500),
        dispute(paid, "funds_withdrawn", "needs_response", id="du_2", amount=400),
        dispute(paid, "closed", "won", id="du_1", amount=500, at=30),
    ]
    for event, left in zip(told, [10, 6, 11], strict=True):
        assert deliver(db, event) == ["applied"]
        assert balance(db, paid.user_id) == left


def test_newest_amount_of_a_dispute_counts(db: Database) -> None:
    for order in permutations([(20, 600), (21, 900)]):
        purchase = open_purchase(db)
        assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
        for at, amount in order:
            told = dispute(purchase, "funds_withdrawn", "needs_response", amount=amount, at=at)
            assert deliver(db, told) == ["applied"]
        assert balance(db, purchase.user_id) == 6, order


def test_dispute_before_the_purchase_knows_its_payment_intent_is_not_lost(db: Database) -> None:
    purchase = open_purchase(db, attached=False)
    early = opened(purchase)
    assert deliver(db, *early) == ["ignored: not_ours"] * 2
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
    assert (status(db, purchase), balance(db, purchase.user_id)) == ("disputed", 0)
