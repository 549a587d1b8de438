"""What PaymentIntent events do to a purchase, in any order and any number of times."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from tests.sql.events import deliver, payment, under_another_id
from tests.sql.purchases import (
    Credits,
    attach,
    balance,
    grant,
    ledger,
    new_package,
    new_user,
    open_purchase,
    status,
)

if TYPE_CHECKING:
    from tests.sql.database import Database

CREDITED: list[tuple[str, Credits]] = [("purchase", 15)]


def test_succeeded_payment_is_credited_once(db: Database) -> None:
    purchase = open_purchase(db)
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
    assert (status(db, purchase), ledger(db, purchase)) == ("succeeded", CREDITED)
    assert balance(db, purchase.user_id) == 15


def test_duplicate_delivery_is_credited_once(db: Database) -> None:
    purchase = open_purchase(db)
    succeeded = payment(purchase, "succeeded")
    outcomes = [deliver(db, succeeded) for _ in range(3)]
    assert outcomes == [["applied"], ["duplicate"], ["duplicate"]]
    assert ledger(db, purchase) == CREDITED


def test_duplicate_in_one_batch_is_credited_once(db: Database) -> None:
    purchase = open_purchase(db)
    succeeded = payment(purchase, "succeeded")
    assert deliver(db, succeeded, payment(purchase, "processing"), succeeded) == ["applied"] * 3
    assert ledger(db, purchase) == CREDITED


def test_same_change_under_two_event_ids_is_credited_once(db: Database) -> None:
    purchase = open_purchase(db)
    succeeded = payment(purchase, "succeeded")
    assert deliver(db, succeeded) == ["applied"]
    assert deliver(db, under_another_id(succeeded)) == ["applied"]
    assert ledger(db, purchase) == CREDITED


def test_failed_first_attempt_is_credited_when_it_is_retried(db: Database) -> None:
    """The first delivery cannot be committed as the balance would overflow; Stripe sends it again."""
    user_id = new_user(db)
    small = open_purchase(db, user_id)
    large = open_purchase(db, user_id, new_package(db, credit_amount=99_999_999_999_999))
    grant(db, user_id, 10)
    retried = payment(large, "succeeded")

    assert deliver(db, retried, payment(small, "succeeded")) == ["failed: 22003", "applied"]
    assert (status(db, large), balance(db, user_id)) == ("pending", 25)
    assert ledger(db, large) == []
    assert deliver(db, retried) == ["failed: 22003"]

    db.execute("update credits.transactions set credits = 100 where id = %s", large.id)
    assert deliver(db, retried) == ["applied"]
    assert deliver(db, retried) == ["duplicate"]
    assert (status(db, large), balance(db, user_id)) == ("succeeded", 125)
    [event] = db.rows(
        "select outcome, reason, attempts from credits.stripe_events where id = %s", retried["id"]
    )
    assert event == {"outcome": "applied", "reason": None, "attempts": 3}


def test_succeeded_before_processing_ends_succeeded(db: Database) -> None:
    purchase = open_purchase(db)
    assert deliver(db, payment(purchase, "succeeded", at=2)) == ["applied"]
    assert deliver(db, payment(purchase, "processing", at=1)) == ["applied"]
    assert (status(db, purchase), ledger(db, purchase)) == ("succeeded", CREDITED)


@pytest.mark.parametrize("change", ["created", "requires_action", "processing", "payment_failed", "canceled"])
def test_succeeded_is_final_even_before_a_later_event(db: Database, change: str) -> None:
    purchase = open_purchase(db)
    assert deliver(db, payment(purchase, "succeeded", at=1)) == ["applied"]
    assert deliver(db, payment(purchase, change, at=2)) == ["applied"]
    assert (status(db, purchase), ledger(db, purchase)) == ("succeeded", CREDITED)


def test_payment_failed_then_succeeded_is_credited(db: Database) -> None:
    purchase = open_purchase(db)
    declined = payment(
        purchase,
        "payment_failed",
        at=1,
        last_payment_error={
            "code": "card_declined",
            "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds.",
        },
    )
    assert deliver(db, declined) == ["applied"]
    failure = "select status, failure_code, failure_message from credits.transactions where id = %s"
    assert db.rows(failure, purchase.id) == [
        {
            "status": "failed",
            "failure_code": "insufficient_funds",
            "failure_message": "Your card has insufficient funds.",
        }
    ]

    assert deliver(db, payment(purchase, "succeeded", at=2)) == ["applied"]
    assert db.rows(failure, purchase.id) == [
        {"status": "succeeded", "failure_code": None, "failure_message": None}
    ]
    assert ledger(db, purchase) == CREDITED


def test_decline_without_a_decline_code_tells_its_code(db: Database) -> None:
    purchase = open_purchase(db)
    expired = payment(purchase, "payment_failed", last_payment_error={"code": "expired_card"})
    assert deliver(db, expired) == ["applied"]
    assert db.column("select failure_code from credits.transactions where id = %s", purchase.id) == [
        "expired_card"
    ]


def test_canceled_purchase_gives_no_credits_and_tells_why(db: Database) -> None:
    purchase = open_purchase(db)
    assert deliver(db, payment(purchase, "canceled", at=1, cancellation_reason="abandoned")) == ["applied"]
    assert deliver(db, payment(purchase, "payment_failed", at=2)) == ["applied"]
    assert (status(db, purchase), ledger(db, purchase)) == ("canceled", [])
    assert db.column("select failure_code from credits.transactions where id = %s", purchase.id) == [
        "abandoned"
    ]


def test_newest_state_is_shown_while_none_is_final(db: Database) -> None:
    for order in permutations([("requires_action", 1), ("payment_failed", 2), ("processing", 3)]):
        purchase = open_purchase(db)
        for change, at in order:
            assert deliver(db, payment(purchase, change, at=at)) == ["applied"]
        assert status(db, purchase) == "processing", order


def test_states_of_one_second_are_ordered_the_same_whatever_comes_first(db: Database) -> None:
    for order in permutations(["created", "requires_action", "processing", "payment_failed"]):
        purchase = open_purchase(db)
        for change in order:
            assert deliver(db, payment(purchase, change)) == ["applied"]
        assert status(db, purchase) == "failed", order


@pytest.mark.parametrize(
    ("price", "currency", "credit_amount", "shown"),
    [
        (500, "jpy", 5, "500"),
        (5000, "kwd", Decimal("16.25"), "5.000"),
        (100, "isk", 1, "1.00"),
        (12_345_678_900, "idr", 1000, "123456789.00"),
        (1, "usd", Decimal("0.000001"), "0.01"),
    ],
)
def test_zero_and_three_decimal_currencies_are_credited_in_full(
    db: Database, price: int, currency: str, credit_amount: Decimal, shown: str
) -> None:
    purchase = open_purchase(db, package_id=new_package(db, price, currency, credit_amount))
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
    assert balance(db, purchase.user_id) == credit_amount
    with db.acting_as("authenticated", purchase.user_id):
        assert db.column("select amount::text from public.credit_transactions") == [shown]


def test_unattached_purchase_is_found_by_the_metadata_of_its_payment_intent(db: Database) -> None:
    """The service died between creating the PaymentIntent and attaching it."""
    purchase = open_purchase(db, attached=False)
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
    assert (status(db, purchase), ledger(db, purchase)) == ("succeeded", CREDITED)
    attach(db, purchase)
    assert deliver(db, payment(purchase, "succeeded", metadata={})) == ["applied"]
    assert ledger(db, purchase) == CREDITED


def test_live_purchase_is_credited_by_live_events(db: Database) -> None:
    purchase = open_purchase(db, livemode=True)
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
    assert ledger(db, purchase) == CREDITED


def test_failures_of_one_second_leave_the_same_reason_whatever_comes_first(db: Database) -> None:
    reasons = set()
    for order in permutations(["expired_card", "incorrect_cvc"]):
        purchase = open_purchase(db)
        for code in order:
            declined = payment(purchase, "payment_failed", last_payment_error={"code": code})
            declined["id"] = f"evt_{code}{purchase.id}"
            assert deliver(db, declined) == ["applied"]
        reasons |= set(db.column("select failure_code from credits.transactions where id = %s", purchase.id))
    assert len(reasons) == 1
