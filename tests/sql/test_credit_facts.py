from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.sql.events import deliver, dispute, payment, refund
from tests.sql.purchases import Purchase, open_purchase

if TYPE_CHECKING:
    from tests.sql.database import Database


def read_facts(db: Database, payment_intents: list[str], **more: object) -> list[dict[str, Any]]:
    row = db.rpc("credit_facts", payment_intent_ids=payment_intents, **more)
    facts: list[dict[str, Any]] = row["credit_facts"]
    return facts


def test_facts_are_all_that_stripe_said_of_a_purchase(db: Database) -> None:
    bought = open_purchase(db)
    deliver(
        db,
        payment(bought, "succeeded", at=5),
        refund(bought, "re_facts", 300),
        dispute(bought, "funds_withdrawn", "needs_response", at=20, amount=200),
    )
    [facts] = read_facts(db, [bought.payment_intent])
    assert facts == {
        "transaction_id": str(bought.id),
        "user_id": str(bought.user_id),
        "livemode": False,
        "payment_intent_id": bought.payment_intent,
        "amount": 15.0,
        "currency": "usd",
        "status": "disputed",
        "refunded_amount": 3.0,
        "disputed_amount": 2.0,
        "credits": 10.0,
        "payment_state": "succeeded",
        "payment_state_at": 1_700_000_005,
        "refunds": {"re_facts": "succeeded"},
        "disputes": {
            bought.payment_intent.replace("pi_", "du_"): {
                "status": "needs_response",
                "status_at": 1_700_000_020,
                "amount_minor": 200,
                "funds": "withdrawn",
            }
        },
    }


def test_purchase_of_which_nothing_came_has_no_time(db: Database) -> None:
    [facts] = read_facts(db, [open_purchase(db).payment_intent])
    assert (facts["payment_state"], facts["payment_state_at"]) == ("pending", None)
    assert (facts["refunds"], facts["disputes"], facts["credits"]) == ({}, {}, 0)


def test_purchases_are_found_by_payment_intent_or_by_id_each_once(db: Database) -> None:
    tied, untied = open_purchase(db), open_purchase(db, attached=False)

    def found(payment_intents: list[str], *purchases: Purchase) -> set[str]:
        facts = read_facts(db, payment_intents, transaction_ids=[purchase.id for purchase in purchases])
        assert len(facts) == len({one["transaction_id"] for one in facts})
        return {one["transaction_id"] for one in facts}

    assert found([tied.payment_intent], tied) == {str(tied.id)}
    assert found([tied.payment_intent], untied) == {str(tied.id), str(untied.id)}
    assert read_facts(db, ["pi_unknown"], transaction_ids=[uuid4()]) == []
