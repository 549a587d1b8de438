"""Events that do not fit a purchase of ours: stored with the reason, and never credited."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.sql.events import charge_refunded, deliver, dispute, payment, refund
from tests.sql.purchases import (
    Purchase,
    balance,
    ledger,
    new_package,
    new_payment_intent,
    open_purchase,
    status,
)

if TYPE_CHECKING:
    from tests.sql.database import Database


def stored(db: Database, event_id: str) -> dict[str, object]:
    """Give what is shown of an event to who looks into it."""
    with db.acting_as("service_role"):
        [row] = db.rows(
            "select outcome, reason, user_id, transaction_id, attempts "
            "from public.credit_events where id = %s",
            event_id,
        )
    return row


@pytest.mark.parametrize(
    ("reason", "wrong"),
    [
        ("amount", {"amount": 1499}),
        ("amount", {"amount": "1500"}),
        ("amount", {"amount": None}),
        ("amount_received", {"amount_received": 1499}),
        ("amount_received", {"amount_received": 0}),
        ("amount_received", {"amount_received": None}),
        ("currency", {"currency": "eur"}),
        ("currency", {"currency": "USD"}),
        ("currency", {"currency": None}),
        ("status", {"status": "requires_capture"}),
        ("status", {"status": None}),
        ("payment_intent", {"id": "pi_Another"}),
        ("user", {"metadata": {"user_id": str(uuid4())}}),
    ],
)
def test_payment_that_does_not_fit_is_not_credited(
    db: Database, reason: str, wrong: dict[str, object]
) -> None:
    purchase = open_purchase(db)
    event = payment(purchase, "succeeded")
    event["object"] |= wrong

    assert deliver(db, event) == [f"mismatch: {reason}"]
    assert (status(db, purchase), ledger(db, purchase)) == ("pending", [])
    assert stored(db, event["id"]) == {
        "outcome": "mismatch",
        "reason": reason,
        "user_id": purchase.user_id,
        "transaction_id": purchase.id,
        "attempts": 1,
    }
    assert deliver(db, event) == ["duplicate"]
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]


@pytest.mark.parametrize("missing", ["amount", "amount_received", "currency", "status"])
def test_payment_without_a_field_that_counts_is_not_credited(db: Database, missing: str) -> None:
    purchase = open_purchase(db)
    event = payment(purchase, "succeeded")
    del event["object"][missing]
    assert deliver(db, event) == [f"mismatch: {missing}"]


@pytest.mark.parametrize("livemode", [True, None, "false"])
def test_event_of_the_other_mode_is_not_credited(db: Database, livemode: object) -> None:
    purchase = open_purchase(db)
    assert deliver(db, payment(purchase, "succeeded") | {"livemode": livemode}) == ["mismatch: livemode"]
    assert ledger(db, purchase) == []


def test_test_mode_event_does_not_credit_a_live_purchase(db: Database) -> None:
    purchase = open_purchase(db, livemode=True)
    assert deliver(db, payment(purchase, "succeeded") | {"livemode": False}) == ["mismatch: livemode"]
    assert ledger(db, purchase) == []


def test_money_moved_by_a_client_sent_amount_is_not_credited(db: Database) -> None:
    """Somebody paid 0.50 for a package of 15.00; the database knows the price."""
    purchase = open_purchase(db)
    assert deliver(db, payment(purchase, "succeeded", amount=50, amount_received=50)) == ["mismatch: amount"]
    assert ledger(db, purchase) == []


@pytest.mark.parametrize(("price", "currency"), [(500, "jpy"), (5000, "kwd")])
def test_amount_is_compared_in_minor_units_of_every_currency(db: Database, price: int, currency: str) -> None:
    purchase = open_purchase(db, package_id=new_package(db, price, currency, 5))
    for wrong in (price * 100, price * 10, price // 10, price // 100):
        assert deliver(db, payment(purchase, "succeeded", amount=wrong)) == ["mismatch: amount"]
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]


def test_second_payment_intent_of_a_purchase_is_not_credited(db: Database) -> None:
    purchase = open_purchase(db)
    twice = payment(purchase, "succeeded", id=new_payment_intent())
    assert deliver(db, payment(purchase, "succeeded"), twice) == ["applied", "mismatch: payment_intent"]
    assert balance(db, purchase.user_id) == 15


def test_payment_that_claims_an_unknown_purchase_is_a_mismatch(db: Database) -> None:
    purchase = open_purchase(db, attached=False)
    claimed = {"transaction_id": str(uuid4()), "user_id": str(purchase.user_id)}
    foreign = payment(purchase, "succeeded", metadata=claimed)
    assert deliver(db, foreign) == ["mismatch: unknown_transaction"]
    assert stored(db, foreign["id"])["transaction_id"] is None


def test_events_of_another_application_are_ignored(db: Database) -> None:
    theirs = Purchase(uuid4(), uuid4(), new_payment_intent())
    foreign = [
        payment(theirs, "succeeded", metadata={}),
        payment(theirs, "succeeded", metadata={"order": "17"}),
        payment(theirs, "succeeded", metadata={"transaction_id": "17", "user_id": str(theirs.user_id)}),
        payment(theirs, "succeeded", metadata={"transaction_id": str(theirs.id), "user_id": "17"}),
        payment(theirs, "succeeded", metadata={"transaction_id": str(theirs.id)}),
        refund(theirs, "re_Foreign", 500),
        refund(theirs, "re_Foreign", 500, payment_intent=None),
        charge_refunded(theirs, 500),
        dispute(theirs, "funds_withdrawn", "needs_response"),
    ]
    assert deliver(db, *foreign) == ["ignored: not_ours"] * len(foreign)
    assert stored(db, foreign[0]["id"])["outcome"] == "ignored"


@pytest.mark.parametrize("event_type", ["customer.created", "payment_intent.amount_capturable_updated", ""])
def test_events_of_other_types_are_ignored(db: Database, event_type: str) -> None:
    purchase = open_purchase(db)
    other = payment(purchase, "succeeded") | {"type": event_type}
    assert deliver(db, other) == ["ignored: type"]
    assert ledger(db, purchase) == []


@pytest.mark.parametrize(
    "malformed",
    [
        {"malformed": "object.amount is not an integer"},
        {"malformed": "created", "created": 10**300},
        {"created": "yesterday"},
        {"created": None},
    ],
)
def test_malformed_event_is_kept_and_not_credited(db: Database, malformed: dict[str, object]) -> None:
    purchase = open_purchase(db)
    event = payment(purchase, "succeeded") | malformed
    assert deliver(db, event) == ["mismatch: malformed"]
    assert ledger(db, purchase) == []
    assert db.column("select payload from credits.stripe_events where id = %s", event["id"]) == [event]


@pytest.mark.parametrize(
    ("reason", "wrong"),
    [
        ("currency", {"currency": "eur"}),
        ("amount", {"amount": 0, "amount_refunded": 0}),
        ("amount", {"amount": -1, "amount_refunded": -1}),
        ("amount", {"amount": "500", "amount_refunded": "500"}),
        ("amount", {"amount": None, "amount_refunded": None}),
    ],
)
def test_reversal_that_does_not_fit_takes_nothing(
    db: Database, reason: str, wrong: dict[str, object]
) -> None:
    purchase = open_purchase(db)
    reversals = [
        payment(purchase, "succeeded"),
        refund(purchase, "re_1", 500),
        charge_refunded(purchase, 500),
        dispute(purchase, "funds_withdrawn", "needs_response"),
    ]
    for event in reversals[1:]:
        event["object"] |= wrong
    assert deliver(db, *reversals) == ["applied"] + [f"mismatch: {reason}"] * 3
    assert balance(db, purchase.user_id) == 15


def test_reversal_of_the_other_mode_takes_nothing(db: Database) -> None:
    purchase = open_purchase(db)
    reversals = [
        refund(purchase, "re_1", 500),
        charge_refunded(purchase, 500),
        dispute(purchase, "funds_withdrawn", "needs_response"),
    ]
    live = [event | {"livemode": True} for event in reversals]
    assert deliver(db, payment(purchase, "succeeded"), *live) == ["applied"] + ["mismatch: livemode"] * 3
    assert balance(db, purchase.user_id) == 15


def test_refund_with_an_unknown_status_takes_nothing(db: Database) -> None:
    purchase = open_purchase(db)
    unknown = refund(purchase, "re_1", 500, "reversed")
    assert deliver(db, payment(purchase, "succeeded"), unknown) == ["applied", "mismatch: status"]
    assert balance(db, purchase.user_id) == 15


def test_dispute_without_a_status_takes_nothing(db: Database) -> None:
    purchase = open_purchase(db)
    unknown = dispute(purchase, "funds_withdrawn", "needs_response")
    unknown["object"]["status"] = None
    assert deliver(db, payment(purchase, "succeeded"), unknown) == ["applied", "mismatch: status"]
    assert balance(db, purchase.user_id) == 15
