"""explain_credits: everything known about one user, purchase or PaymentIntent, and of nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.sql.events import deliver, dispute, payment, refund
from tests.sql.purchases import Purchase, grant, open_purchase

if TYPE_CHECKING:
    from typing import Any

    from tests.sql.database import Database


def explain(db: Database, subject: object) -> dict[str, Any]:
    answer = db.rpc("explain_credits", subject=str(subject))["explain_credits"]
    assert isinstance(answer, dict)
    return answer


@pytest.fixture
def purchase(db: Database) -> Purchase:
    """A user with two purchases, of which the first was refunded and disputed; another user beside."""
    purchase = open_purchase(db)
    told = [
        payment(purchase, "processing"),
        payment(purchase, "succeeded", at=1),
        refund(purchase, "re_1", 500),
        dispute(purchase, "funds_withdrawn", "needs_response"),
        payment(purchase, "succeeded", amount=1),
    ]
    for event in told:
        deliver(db, event)
    grant(db, purchase.user_id, 5)
    assert deliver(db, payment(open_purchase(db, purchase.user_id), "succeeded")) == ["applied"]
    assert deliver(db, payment(open_purchase(db), "succeeded")) == ["applied"]
    return purchase


def test_user_is_explained_with_every_purchase(db: Database, purchase: Purchase) -> None:
    story = explain(db, purchase.user_id)
    assert story["account"]["user_id"] == str(purchase.user_id)
    assert {row["user_id"] for part in story if part != "account" for row in story[part]} == {
        str(purchase.user_id)
    }
    assert {part: len(rows) for part, rows in story.items() if part != "account"} == {
        "purchases": 2,
        "refunds": 1,
        "disputes": 1,
        "events": 6,
        "lots": 3,
        "holds": 0,
        "entries": 5,
    }


@pytest.mark.parametrize("by", ["id", "payment_intent"])
def test_purchase_is_explained_alone(db: Database, purchase: Purchase, by: str) -> None:
    story = explain(db, getattr(purchase, by))
    assert [row["id"] for row in story["purchases"]] == [str(purchase.id)]
    assert [row["kind"] for row in story["entries"]] == ["purchase", "refund", "dispute"]
    assert [(row["outcome"], row["reason"]) for row in story["events"]].count(("mismatch", "amount")) == 1
    assert {
        row["transaction_id"] for part in ("events", "refunds", "disputes", "entries") for row in story[part]
    } == {str(purchase.id)}


@pytest.mark.parametrize("subject", [uuid4(), "pi_Unknown", "", "anything"])
def test_unknown_subject_is_refused(db: Database, subject: object) -> None:
    with db.refused("PT404", "not_found"):
        explain(db, subject)
