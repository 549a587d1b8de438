"""close_credit_purchase: ends a purchase that nobody can pay, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.sql.events import deliver, payment
from tests.sql.purchases import balance, open_purchase, status

if TYPE_CHECKING:
    from tests.sql.database import Database


def test_purchase_without_a_payment_intent_is_closed(db: Database) -> None:
    purchase = open_purchase(db, attached=False)
    for _ in range(2):
        assert db.rpc("close_credit_purchase", transaction_id=purchase.id) == {"status": "canceled"}
    assert status(db, purchase) == "canceled"


def test_purchase_with_a_payment_intent_is_not_closed(db: Database) -> None:
    purchase = open_purchase(db)
    with db.refused("PT409", "purchase_has_payment_intent"):
        db.rpc("close_credit_purchase", transaction_id=purchase.id)
    assert status(db, purchase) == "pending"


def test_unknown_purchase_is_not_closed(db: Database) -> None:
    with db.refused("PT404", "transaction_not_found"):
        db.rpc("close_credit_purchase", transaction_id=uuid4())


def test_closed_purchase_that_is_paid_after_all_is_credited(db: Database) -> None:
    """The service died right after creating the PaymentIntent, and it was paid all the same."""
    purchase = open_purchase(db, attached=False)
    db.rpc("close_credit_purchase", transaction_id=purchase.id)
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
    assert status(db, purchase) == "succeeded"
    assert balance(db, purchase.user_id) == 15


@pytest.mark.parametrize("change", ["created", "processing", "payment_failed"])
def test_closed_purchase_stays_closed_while_it_is_not_paid(db: Database, change: str) -> None:
    purchase = open_purchase(db, attached=False)
    db.rpc("close_credit_purchase", transaction_id=purchase.id)
    assert deliver(db, payment(purchase, change)) == ["applied"]
    assert status(db, purchase) == "canceled"
