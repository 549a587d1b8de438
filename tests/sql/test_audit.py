"""audit_credits: clean books give nothing; each way of breaking them gives its own finding."""

# ruff: noqa: S608 -- statements are put together from literals of this file alone

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from psycopg import sql

from tests.sql.database import audit
from tests.sql.events import deliver, dispute, payment, refund
from tests.sql.purchases import Purchase, grant, hold, open_purchase, spend

if TYPE_CHECKING:
    from tests.sql.database import Database

BOUGHT = "(select id from credits.lots where user_id = %(user)s and transaction_id = %(purchase)s)"
GRANTED = "(select max(id) from credits.lots where user_id = %(user)s and transaction_id is null)"
ENTRY = (
    "select credits.post_entry(%(user)s, 'refund', -1, 'sabotage', 'Nobody asked', "
    f"credits.move_lots(%(user)s, jsonb_build_object({BOUGHT}, -1)), {{}})"
)
SETTLED = "update credits.transactions set credits_refunded = credits_refunded + 1 where id = %(purchase)s"
CHAIN = (
    "update credits.ledger_entries set balance_after = 99 where user_id = %(user)s and id = "
    "(select max(id) from credits.ledger_entries where user_id = %(user)s)"
)
ENTRY_OF_NOBODY = (
    "insert into credits.ledger_entries "
    "(user_id, kind, amount, balance_after, lots, description, key, created_at) "
    "values (%(nobody)s, 'spend', 1, 1, '{\"1\": 1}', '', '', now())"
)
PURCHASE_OF_NOBODY = (
    "insert into credits.transactions (user_id, package_id, description, amount_minor, currency, credits, "
    "livemode) values (%(nobody)s, %(nobody)s, '', 1, 'usd', 1, false)"
)
REFUND_OF_NOTHING = (
    "insert into credits.refunds values ('re_2', %(user)s, %(nobody)s, 1, 'pending', now(), '', '', now())"
)
DISPUTE_OF_NOTHING = (
    "insert into credits.disputes "
    "values ('du_2', %(user)s, %(nobody)s, 1, 'lost', now(), 'withdrawn', '', now())"
)
LOT_IS_GONE = f"delete from credits.lots where id = {GRANTED}"
LOT_REMAINS = f"update credits.lots set remaining = remaining {{}} 1 where id = {GRANTED}"
ENTRY_LOTS = (
    f"update credits.ledger_entries set lots = lots || jsonb_build_object({GRANTED}, -1) where id = %(spend)s"
)
REFUND_TOO_MUCH = (
    "select credits.post_entry(%(user)s, 'spend_refund', 2, 'sabotage', 'Too much', "
    f"credits.move_lots(%(user)s, jsonb_build_object({GRANTED}, 2)), p_spend_id => %(spend)s)"
)
CAPTURED = "update credits.holds set status = 'captured' where user_id = %(user)s"
HELD = "update credits.accounts set held = held {} where user_id = %(user)s"
DUE = "update credits.accounts set due_at = 'infinity' where user_id = %(user)s"
FAILED = "update credits.stripe_events set outcome = 'failed', reason = 'broken' where id = %(event)s"

# Each leaves all else consistent, so that it is found by one rule alone.
SABOTAGE = [
    (
        "balance_is_not_the_sum_of_entries",
        ["update credits.accounts set balance = balance + 1 where user_id = %(user)s"],
    ),
    ("balance_after_does_not_chain", [CHAIN]),
    ("entries_are_not_what_was_settled", [ENTRY.format("%(purchase)s")]),
    ("settled_is_not_the_entitlement", [ENTRY.format("%(purchase)s"), SETTLED]),
    ("facts_are_not_summed_up", ["delete from credits.refunds where transaction_id = %(purchase)s"]),
    ("facts_are_not_summed_up", ["delete from credits.disputes where transaction_id = %(purchase)s"]),
    ("row_without_its_owner", [ENTRY.format("%(nobody)s")]),
    ("row_without_its_owner", [ENTRY_OF_NOBODY]),
    ("row_without_its_owner", [PURCHASE_OF_NOBODY]),
    ("row_without_its_owner", [REFUND_OF_NOTHING]),
    ("row_without_its_owner", [DISPUTE_OF_NOTHING]),
    ("row_without_its_owner", [LOT_IS_GONE]),
    ("lot_is_not_what_its_entries_left", [LOT_REMAINS.format("+")]),
    ("entry_is_not_the_sum_of_its_lots", [ENTRY_LOTS, LOT_REMAINS.format("-")]),
    ("spend_refunded_beyond_itself", [REFUND_TOO_MUCH]),
    ("held_is_not_the_sum_of_open_holds", [HELD.format("+ 1")]),
    ("expiry_comes_before_it_is_due", [DUE]),
    ("captured_hold_without_its_spend", [CAPTURED, HELD.format("- 2")]),
    (
        "event_applied_to_no_purchase",
        ["update credits.stripe_events set transaction_id = %(nobody)s where id = %(event)s"],
    ),
    ("event_failed", [FAILED]),
]


@pytest.fixture
def purchase(admin_db: Database) -> Purchase:
    purchase = open_purchase(admin_db)
    grant(admin_db, purchase.user_id, 5)
    told = [
        payment(purchase, "succeeded"),
        refund(purchase, "re_1", 500),
        dispute(purchase, "funds_withdrawn", "needs_response", amount=300),
    ]
    for event in told:
        assert deliver(admin_db, event) == ["applied"]
    spend(admin_db, purchase.user_id, 1, "spent")
    grant(admin_db, purchase.user_id, 1)
    hold(admin_db, purchase.user_id, 2)
    return purchase


def test_books_that_add_up_give_no_finding(admin_db: Database, purchase: Purchase) -> None:
    assert [found for found in audit(admin_db) if found["user_id"] == purchase.user_id] == []


@pytest.mark.parametrize(("finding", "statements"), SABOTAGE)
def test_books_that_were_tampered_with_are_found(
    admin_db: Database, purchase: Purchase, finding: str, statements: list[str]
) -> None:
    told = payment(purchase, "processing")
    assert deliver(admin_db, told) == ["applied"]
    before = audit(admin_db)
    admin_db.execute("set local session_replication_role = replica")  # the trigger and the keys stand back
    spent = admin_db.value(
        int,
        "select id from credits.ledger_entries where user_id = %s and key = 'spend:spent'",
        purchase.user_id,
    )
    subjects = {
        "user": purchase.user_id,
        "purchase": purchase.id,
        "spend": spent,
        "event": told["id"],
        "nobody": uuid4(),
    }
    for statement in statements:
        admin_db.connection.execute(sql.SQL(statement), subjects)

    [found] = [found for found in audit(admin_db) if found not in before]
    assert found["finding"] == finding
    assert all(found.values())


def test_audit_says_in_detail_what_does_not_add_up(admin_db: Database, purchase: Purchase) -> None:
    admin_db.execute("update credits.accounts set balance = 0 where user_id = %s", purchase.user_id)
    [found] = [found for found in audit(admin_db) if found["user_id"] == purchase.user_id]
    assert found["finding"] == "balance_is_not_the_sum_of_entries"
    assert found["subject"] == str(purchase.user_id)
    assert "12" in found["detail"]
