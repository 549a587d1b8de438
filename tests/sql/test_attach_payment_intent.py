"""attach_payment_intent: one PaymentIntent per purchase, one purchase per PaymentIntent."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.sql.events import deliver, payment
from tests.sql.purchases import new_payment_intent, open_purchase, status

if TYPE_CHECKING:
    from tests.sql.database import Database


def test_attaching_again_changes_nothing(db: Database) -> None:
    purchase = open_purchase(db, attached=False)
    for _ in range(2):
        answer = db.rpc(
            "attach_payment_intent", transaction_id=purchase.id, payment_intent_id=purchase.payment_intent
        )
        assert answer == {"stripe_payment_intent_id": purchase.payment_intent, "status": "pending"}


def test_attaching_tells_the_status_that_webhooks_have_brought_meanwhile(db: Database) -> None:
    purchase = open_purchase(db, attached=False)
    assert deliver(db, payment(purchase, "succeeded")) == ["applied"]
    answer = db.rpc(
        "attach_payment_intent", transaction_id=purchase.id, payment_intent_id=purchase.payment_intent
    )
    assert answer == {"stripe_payment_intent_id": purchase.payment_intent, "status": "succeeded"}


def test_another_payment_intent_is_refused(db: Database) -> None:
    purchase = open_purchase(db)
    with db.refused("PT409", "payment_intent_conflict"):
        db.rpc("attach_payment_intent", transaction_id=purchase.id, payment_intent_id=new_payment_intent())
    kept = "select stripe_payment_intent_id from credits.transactions where id = %s"
    assert db.column(kept, purchase.id) == [purchase.payment_intent]


def test_payment_intent_of_another_purchase_is_refused(db: Database) -> None:
    purchase, other = open_purchase(db), open_purchase(db, attached=False)
    with db.refused("PT409", "payment_intent_conflict"):
        db.rpc("attach_payment_intent", transaction_id=other.id, payment_intent_id=purchase.payment_intent)
    assert status(db, other) == "pending"


@pytest.mark.parametrize("transaction_id", [uuid4(), None])
def test_unknown_purchase_is_refused(db: Database, transaction_id: object) -> None:
    with db.refused("PT404", "transaction_not_found"):
        db.rpc("attach_payment_intent", transaction_id=transaction_id, payment_intent_id=new_payment_intent())


@pytest.mark.parametrize("payment_intent", [None, "", "pi_", "ch_123", "pi_1 ", "pi_1\n", "xpi_1"])
def test_anything_but_the_id_of_a_payment_intent_is_refused(db: Database, payment_intent: str | None) -> None:
    purchase = open_purchase(db, attached=False)
    with db.refused("PT400", "invalid_argument"):
        db.rpc("attach_payment_intent", transaction_id=purchase.id, payment_intent_id=payment_intent)
