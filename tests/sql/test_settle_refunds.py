"""What refunds do to a purchase: by refund events, by the charge's cumulative amount, in any order."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from tests.sql.events import charge_refunded, deliver, payment, refund, under_another_id
from tests.sql.purchases import Purchase, attach, balance, ledger, new_package, open_purchase, spend, status

if TYPE_CHECKING:
    from tests.sql.database import Database


@pytest.fixture
def paid(db: Database) -> Purchase:
    """15 credits bought for 15.00 usd."""
    purchase = open_purchase(db)
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
    return purchase


def test_full_refund_takes_all_credits_back(db: Database, paid: Purchase) -> None:
    assert deliver(db, refund(paid, "re_1", 1500)) == ["applied"]
    assert (status(db, paid), balance(db, paid.user_id)) == ("refunded", 0)
    assert ledger(db, paid) == [("purchase", 15), ("refund", -15)]


def test_partial_refund_takes_its_share_back(db: Database, paid: Purchase) -> None:
    assert deliver(db, refund(paid, "re_1", 400)) == ["applied"]
    assert (status(db, paid), balance(db, paid.user_id)) == ("partially_refunded", 11)
    with db.acting_as("authenticated", paid.user_id):
        assert db.column("select refunded_amount::text from public.credit_transactions") == ["4.00"]


def test_same_refund_under_two_event_ids_counts_once(db: Database, paid: Purchase) -> None:
    refunded = refund(paid, "re_1", 500)
    assert deliver(db, refunded, under_another_id(refunded)) == ["applied", "applied"]
    assert balance(db, paid.user_id) == 10


@pytest.mark.parametrize(
    "change", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"]
)
def test_every_refund_event_tells_the_state_of_its_refund(db: Database, paid: Purchase, change: str) -> None:
    assert deliver(db, refund(paid, "re_1", 500) | {"type": change}) == ["applied"]
    assert balance(db, paid.user_id) == 10


def test_partial_refunds_with_rounding_leave_exactly_zero(db: Database) -> None:
    """A third of 10 credits cannot be posted exactly; three of them must be."""
    purchase = open_purchase(db, package_id=new_package(db, 999, "usd", 10))
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
    for number in (1, 2, 3):
        assert deliver(db, refund(purchase, f"re_{number}", 333)) == ["applied"]
    assert ledger(db, purchase) == [
        ("purchase", 10),
        ("refund", Decimal("-3.333333")),
        ("refund", Decimal("-3.333333")),
        ("refund", Decimal("-3.333334")),
    ]
    assert (status(db, purchase), balance(db, purchase.user_id)) == ("refunded", 0)


@pytest.mark.parametrize(
    ("price", "currency", "part", "left"), [(1000, "jpy", 1, "9.99"), (10_000, "kwd", 10, "9.99")]
)
def test_zero_and_three_decimal_currencies_are_refunded_by_share(
    db: Database, price: int, currency: str, part: int, left: str
) -> None:
    purchase = open_purchase(db, package_id=new_package(db, price, currency, 10))
    assert deliver(db, payment(purchase, "succeeded"), refund(purchase, "re_1", part)) == ["applied"] * 2
    assert balance(db, purchase.user_id) == Decimal(left)


def test_refund_before_succeeded_ends_at_zero(db: Database) -> None:
    purchase = open_purchase(db)
    assert deliver(db, refund(purchase, "re_1", 1500)) == ["applied"]
    assert (status(db, purchase), ledger(db, purchase)) == ("pending", [])
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
    assert (status(db, purchase), balance(db, purchase.user_id)) == ("refunded", 0)
    assert ledger(db, purchase) == [("purchase", 15), ("refund", -15)]


def test_refund_that_later_fails_gives_the_credits_back(db: Database, paid: Purchase) -> None:
    assert deliver(db, refund(paid, "re_1", 500, "succeeded", at=10)) == ["applied"]
    assert balance(db, paid.user_id) == 10
    failed = refund(paid, "re_1", 500, "failed", at=11, failure_reason="expired_or_canceled_card")
    assert deliver(db, failed) == ["applied"]
    assert (status(db, paid), balance(db, paid.user_id)) == ("succeeded", 15)
    assert ledger(db, paid) == [("purchase", 15), ("refund", -5), ("refund", 5)]


def test_refund_counts_from_its_creation_while_it_is_pending(db: Database, paid: Purchase) -> None:
    balances = []
    for state in ("pending", "requires_action", "succeeded"):
        assert deliver(db, refund(paid, "re_1", 500, state)) == ["applied"]
        balances.append(balance(db, paid.user_id))
    assert balances == [10, 10, 10]


@pytest.mark.parametrize("end", ["failed", "canceled"])
def test_refund_ends_the_same_in_any_order_of_its_states(db: Database, end: str) -> None:
    for order in permutations([("pending", 10), ("succeeded", 11), (end, 12)]):
        purchase = open_purchase(db)
        assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
        for state, at in order:
            told = refund(purchase, f"re_{purchase.id}", 500, state, at=at)
            assert deliver(db, told) == ["applied"]
        assert balance(db, purchase.user_id) == 15, order


def test_refund_without_a_status_counts_as_pending(db: Database, paid: Purchase) -> None:
    """Stripe's refund object has a nullable status."""
    told = refund(paid, "re_1", 500)
    told["object"]["status"] = None
    assert deliver(db, told) == ["applied"]
    assert db.column("select status from credits.refunds where id = 're_1'") == ["pending"]
    assert balance(db, paid.user_id) == 10


def test_charge_refunded_is_not_counted_twice_with_refund_events(db: Database) -> None:
    for order in permutations(range(4)):
        purchase = open_purchase(db)
        assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
        told = [
            refund(purchase, f"re_1{purchase.id}", 500, at=10),
            charge_refunded(purchase, 500, at=10),
            refund(purchase, f"re_2{purchase.id}", 400, at=11),
            charge_refunded(purchase, 900, at=11),
        ]
        for number in order:
            assert deliver(db, told[number]) == ["applied"]
        assert balance(db, purchase.user_id) == 6, order


def test_charge_refunded_alone_takes_the_cumulative_amount(db: Database, paid: Purchase) -> None:
    """An endpoint on an older API version hears of refunds by the charge alone."""
    assert deliver(db, charge_refunded(paid, 900, at=11)) == ["applied"]
    assert deliver(db, charge_refunded(paid, 500, at=10)) == ["applied"]
    assert (status(db, paid), balance(db, paid.user_id)) == ("partially_refunded", 6)
    assert deliver(db, charge_refunded(paid, 1500, at=12)) == ["applied"]
    assert (status(db, paid), balance(db, paid.user_id)) == ("refunded", 0)


def test_refund_that_fails_after_its_charge_told_of_it_gives_the_credits_back(
    db: Database, paid: Purchase
) -> None:
    assert deliver(db, charge_refunded(paid, 900, at=11)) == ["applied"]
    assert deliver(db, refund(paid, "re_1", 500, "failed", at=12)) == ["applied"]
    assert balance(db, paid.user_id) == 11


def test_refund_that_failed_before_its_charge_told_of_others_is_not_given_back_twice(
    db: Database, paid: Purchase
) -> None:
    assert deliver(db, refund(paid, "re_1", 500, "failed", at=11)) == ["applied"]
    assert deliver(db, charge_refunded(paid, 400, at=12)) == ["applied"]
    assert balance(db, paid.user_id) == 11


def test_refunds_beyond_the_price_take_no_more_than_was_bought(db: Database, paid: Purchase) -> None:
    assert deliver(db, refund(paid, "re_1", 1000), refund(paid, "re_2", 1000)) == ["applied"] * 2
    assert balance(db, paid.user_id) == 0
    assert db.column("select refunded_minor from credits.transactions where id = %s", paid.id) == [1500]


def test_refund_after_the_credits_are_gone_leaves_a_debt_that_the_next_purchase_pays(
    db: Database, paid: Purchase
) -> None:
    spend(db, paid.user_id, 12)
    assert deliver(db, refund(paid, "re_1", 1500)) == ["applied"]
    with db.acting_as("authenticated", paid.user_id):
        assert db.column("select balance::text from public.credit_balance") == ["-12.00"]
    second = open_purchase(db, paid.user_id)
    assert deliver(db, payment(second, "succeeded")) == ["applied"]
    assert balance(db, paid.user_id) == 3


@pytest.mark.parametrize("tied_by", ["attach", "payment"])
def test_refund_before_the_purchase_knows_its_payment_intent_is_not_lost(db: Database, tied_by: str) -> None:
    purchase = open_purchase(db, attached=False)
    early = [refund(purchase, "re_1", 400, at=10), charge_refunded(purchase, 400, at=10)]
    assert deliver(db, *early) == ["ignored: not_ours"] * 2
    if tied_by == "attach":
        attach(db, purchase)
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
    assert (status(db, purchase), balance(db, purchase.user_id)) == ("partially_refunded", 11)
    assert deliver(db, *early) == ["duplicate"] * 2
