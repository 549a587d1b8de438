"""credits.journal: the ledger as double-entry bookkeeping, in credits and in money."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sql.books import in_credits, money
from tests.sql.events import deliver, dispute
from tests.sql.events import refund as refunded_by_stripe
from tests.sql.spending import DAY, buy, capture, give, hold, let_pass, lot_of, refund, spend

if TYPE_CHECKING:
    from uuid import UUID

    from tests.sql.database import Database


@pytest.fixture
def user_id(db: Database) -> UUID:
    """A user whom everything has happened to that can happen to an account."""
    purchase = buy(db, credit_amount=15)
    user_id = purchase.user_id
    give(db, user_id, 8, expires_in=DAY)
    spent = spend(db, user_id, 6)
    refund(db, user_id, spent, "1.5")
    let_pass(db, user_id, DAY)
    capture(db, hold(db, user_id, 5), "3.333333")
    deliver(db, refunded_by_stripe(purchase, f"re_{purchase.id}", 499))
    deliver(db, dispute(purchase, "funds_withdrawn", "needs_response"))
    return user_id


def test_every_entry_sums_to_zero_in_credits_and_in_money(db: Database, user_id: UUID) -> None:
    sums = db.rows(
        "select sum(credits) as credits, sum(amount) as amount, count(*) > 1 as is_double "
        "from credits.journal where user_id = %s group by entry_id, currency",
        user_id,
    )
    assert sums == [{"credits": 0, "amount": 0, "is_double": True}] * len(sums)
    entries = db.value(int, "select count(*) from credits.ledger_entries where user_id = %s", user_id)
    assert (
        db.value(int, "select count(distinct entry_id) from credits.journal where user_id = %s", user_id)
        == entries
    )


def test_each_kind_of_entry_stands_on_its_account(db: Database, user_id: UUID) -> None:
    rows = db.rows(
        "select distinct kind, account, sign(credits)::int as side from credits.journal "
        "where user_id = %s and account <> 'user_liability' order by kind",
        user_id,
    )
    assert [(row["kind"], row["account"], row["side"]) for row in rows] == [
        ("dispute", "disputes", -1),
        ("expiry", "breakage", -1),
        ("grant", "promotion", 1),
        ("purchase", "cash_at_stripe", 1),
        ("refund", "refunds", -1),
        ("spend", "revenue", -1),
        ("spend_refund", "revenue", 1),
    ]


def test_liability_is_the_balance(db: Database, user_id: UUID) -> None:
    """What it says in credits, expired ones included that no job has posted, is what the account holds."""
    [balance] = db.column("select balance from credits.accounts where user_id = %s", user_id)
    assert in_credits(db, user_id)["user_liability"] == -balance


def test_deferred_revenue_is_what_was_paid_for_the_credits_that_are_left(db: Database) -> None:
    purchase = buy(db, credit_amount=20, amount_minor=1500)
    spend(db, purchase.user_id, 8)
    assert money(db, purchase.user_id, "usd") == {
        "cash_at_stripe": 15,
        "revenue": -6,
        "user_liability": -9,
    }


def test_bonus_package_earns_its_price_over_all_its_credits(db: Database) -> None:
    purchase = buy(db, credit_amount=55, amount_minor=5000)
    for _ in range(5):
        spend(db, purchase.user_id, 11)
    assert money(db, purchase.user_id, "usd") == {
        "cash_at_stripe": 50,
        "revenue": -50,
        "user_liability": 0,
    }


def test_granted_credits_are_no_money(db: Database) -> None:
    purchase = buy(db, credit_amount=10, amount_minor=1000)
    user_id = purchase.user_id
    give(db, user_id, 5, expires_in=DAY)
    spend(db, user_id, 3)
    let_pass(db, user_id, DAY)
    spend(db, user_id, 4)
    assert money(db, user_id, "usd") == {
        "cash_at_stripe": 10,
        "promotion": 0,
        "revenue": -4,
        "breakage": 0,
        "user_liability": -6,
    }
    assert in_credits(db, user_id) == {
        "cash_at_stripe": 10,
        "promotion": 5,
        "revenue": -7,
        "breakage": -2,
        "user_liability": -6,
    }


def test_each_lot_earns_at_the_price_it_was_bought_for(db: Database) -> None:
    dear = buy(db, credit_amount=10, amount_minor=2000)
    cheap = buy(db, dear.user_id, 10, amount_minor=500)
    spend(db, dear.user_id, 14)
    assert money(db, dear.user_id, "usd")["revenue"] == -22
    per_lot = db.rows(
        "select lot_id, amount from credits.journal where user_id = %s and account = 'revenue'", dear.user_id
    )
    assert {row["lot_id"]: row["amount"] for row in per_lot} == {
        lot_of(db, dear): -20,
        lot_of(db, cheap): -2,
    }


@pytest.mark.parametrize(
    ("currency", "amount_minor", "third_minor", "third"),
    [("usd", 999, 333, "3.33"), ("jpy", 1000, 333, "333"), ("kwd", 9990, 3330, "3.330")],
)
def test_what_stripe_moved_is_whole_in_its_currency(
    db: Database, currency: str, amount_minor: int, third_minor: int, third: str
) -> None:
    purchase = buy(db, credit_amount=7, amount_minor=amount_minor, currency=currency)
    deliver(db, refunded_by_stripe(purchase, f"re_{purchase.id}", third_minor))
    assert str(money(db, purchase.user_id, currency)["refunds"]) == f"-{third}"


def test_parts_that_were_refunded_one_by_one_are_the_whole_price(db: Database) -> None:
    purchase = buy(db, credit_amount=7, amount_minor=1000)
    for number, part in enumerate((333, 333, 334)):
        deliver(db, refunded_by_stripe(purchase, f"re_{purchase.id}_{number}", part))
        assert money(db, purchase.user_id, "usd")["refunds"] * 100 % 1 == 0
    assert money(db, purchase.user_id, "usd") == {"cash_at_stripe": 10, "refunds": -10, "user_liability": 0}


def test_won_dispute_leaves_nothing_on_its_account(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    deliver(db, dispute(purchase, "funds_withdrawn", "needs_response"))
    assert money(db, purchase.user_id, "usd")["disputes"] == -15
    deliver(db, dispute(purchase, "funds_reinstated", "won", at=30))
    assert money(db, purchase.user_id, "usd") == {
        "cash_at_stripe": 15,
        "disputes": 0,
        "user_liability": -15,
    }


def test_payment_taken_back_after_its_credits_were_spent_is_owed(db: Database) -> None:
    purchase = buy(db, credit_amount=15)
    spend(db, purchase.user_id, 15)
    deliver(db, refunded_by_stripe(purchase, f"re_{purchase.id}", 1500))
    assert money(db, purchase.user_id, "usd") == {
        "cash_at_stripe": 15,
        "revenue": -15,
        "refunds": -15,
        "user_liability": 15,
    }
