"""audit_credits: clean books give nothing; each way of breaking them gives its own finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from psycopg import sql

from tests.sql.database import audit
from tests.sql.events import deliver, dispute, payment, refund
from tests.sql.purchases import Purchase, grant, open_purchase

if TYPE_CHECKING:
    from tests.sql.database import Database

# Each leaves all else consistent, so that it is found by one rule alone.
SABOTAGE = {
    "balance_is_not_the_sum_of_entries": [
        "update credits.accounts set balance = balance + 1 where user_id = %(user)s"
    ],
    "balance_after_does_not_chain": [
        "update credits.ledger_entries set balance_after = 99 where user_id = %(user)s and kind = 'dispute'"
    ],
    "entries_are_not_what_was_settled": [
        "select credits.post_entry(%(user)s, 'refund', -1, 'sabotage', 'Twice', %(purchase)s)"
    ],
    "settled_is_not_the_entitlement": [
        "select credits.post_entry(%(user)s, 'refund', -1, 'sabotage', 'Too much', %(purchase)s)",
        "update credits.transactions set credits_refunded = credits_refunded + 1 where id = %(purchase)s",
    ],
    "facts_are_not_summed_up": ["delete from credits.refunds where transaction_id = %(purchase)s"],
    "event_applied_to_no_purchase": [
        "update credits.stripe_events set transaction_id = gen_random_uuid() where id = %(event)s"
    ],
    "event_failed": [
        "update credits.stripe_events set outcome = 'failed', reason = 'broken' where id = %(event)s"
    ],
}


@pytest.fixture
def purchase(admin_db: Database) -> Purchase:
    purchase = open_purchase(admin_db)
    grant(admin_db, purchase.user_id, 5)
    told = [
        payment(purchase, "succeeded"),
        refund(purchase, "re_1", 500),
        dispute(purchase, "funds_withdrawn", "needs_response", amount=300),
    ]
    assert deliver(admin_db, *told) == ["applied"] * 3
    return purchase


@pytest.mark.usefixtures("purchase")
def test_books_that_add_up_give_no_finding(admin_db: Database) -> None:
    assert audit(admin_db) == []


@pytest.mark.parametrize("finding", SABOTAGE)
def test_books_that_were_tampered_with_are_found(
    admin_db: Database, purchase: Purchase, finding: str
) -> None:
    told = payment(purchase, "processing")
    assert deliver(admin_db, told) == ["applied"]
    admin_db.execute("set local session_replication_role = replica")  # the trigger and the keys stand back
    for statement in SABOTAGE[finding]:
        admin_db.connection.execute(
            sql.SQL(statement), {"user": purchase.user_id, "purchase": purchase.id, "event": told["id"]}
        )

    [found] = audit(admin_db)
    assert (found["finding"], found["user_id"]) == (finding, purchase.user_id)
    assert found["subject"]
    assert found["detail"]


def test_audit_says_in_detail_what_does_not_add_up(admin_db: Database, purchase: Purchase) -> None:
    admin_db.execute("update credits.accounts set balance = 0 where user_id = %s", purchase.user_id)
    [found] = audit(admin_db)
    assert (found["finding"], found["subject"]) == (
        "balance_is_not_the_sum_of_entries",
        str(purchase.user_id),
    )
    assert "12" in found["detail"]
