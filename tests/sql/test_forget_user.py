"""forget_user: what is personal goes, what is money stays."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.sql.events import charge_refunded, deliver, payment, refund
from tests.sql.purchases import Purchase, balance, ledger, new_package, new_user, open_purchase, status

if TYPE_CHECKING:
    from tests.sql.database import Database


@pytest.fixture
def forgotten(db: Database) -> Purchase:
    purchase = open_purchase(db)
    db.rpc("save_stripe_customer", user_id=purchase.user_id, livemode=False, customer_id="cus_Person")
    error = {"code": "card_declined", "message": "Ada's card was declined."}
    declined = payment(purchase, "payment_failed", last_payment_error=error, customer="cus_Person")
    assert deliver(db, declined, payment(purchase, "succeeded", at=1)) == ["applied"] * 2
    db.rpc("forget_user", user_id=purchase.user_id)
    return purchase


def test_forgotten_user_can_be_deleted_and_the_ledger_stays(db: Database, forgotten: Purchase) -> None:
    assert db.execute("delete from auth.users where id = %s", forgotten.user_id).rowcount == 1
    assert ledger(db, forgotten) == [("purchase", 15)]
    assert balance(db, forgotten.user_id) == 15


def test_nothing_personal_is_left(db: Database, forgotten: Purchase) -> None:
    assert db.column("select * from credits.stripe_customers where user_id = %s", forgotten.user_id) == []
    kept = db.rows(
        "select to_jsonb(t)::text as row from credits.transactions as t where user_id = %s "
        "union all select to_jsonb(e)::text from credits.stripe_events as e where user_id = %s",
        forgotten.user_id,
        forgotten.user_id,
    )
    assert len(kept) == 3
    assert [row for row in kept if "Ada" in row["row"] or "cus_Person" in row["row"]] == []


def test_refund_after_the_user_is_gone_still_settles(db: Database, forgotten: Purchase) -> None:
    db.execute("delete from auth.users where id = %s", forgotten.user_id)
    assert deliver(db, refund(forgotten, "re_1", 1500)) == ["applied"]
    assert (status(db, forgotten), balance(db, forgotten.user_id)) == ("refunded", 0)


def test_forgotten_user_is_no_user_any_more(db: Database, forgotten: Purchase) -> None:
    package_id = new_package(db)
    with db.refused("PT403", "user_not_found"):
        db.rpc("open_credit_purchase", user_id=forgotten.user_id, package_id=package_id, livemode=False)
    with db.refused("PT403", "user_not_found"):
        db.rpc("grant_credits", user_id=forgotten.user_id, amount=1, reason="Back", idempotency_key="k")


def test_forgetting_again_changes_nothing(db: Database, forgotten: Purchase) -> None:
    db.rpc("forget_user", user_id=forgotten.user_id)
    assert ledger(db, forgotten) == [("purchase", 15)]


def test_others_are_not_forgotten(db: Database, forgotten: Purchase) -> None:
    other = open_purchase(db)
    db.rpc("save_stripe_customer", user_id=other.user_id, livemode=False, customer_id="cus_Other")
    db.rpc("forget_user", user_id=forgotten.user_id)
    assert db.column(
        "select stripe_customer_id from credits.stripe_customers where user_id = %s", other.user_id
    ) == ["cus_Other"]
    with db.refused("23503"):
        db.execute("delete from auth.users where id = %s", other.user_id)


@pytest.mark.parametrize("known", [True, False])
def test_user_without_an_account_cannot_be_forgotten(db: Database, *, known: bool) -> None:
    user_id = new_user(db) if known else uuid4()
    with db.refused("PT404", "account_not_found"):
        db.rpc("forget_user", user_id=user_id)


def test_later_events_of_a_forgotten_user_keep_nothing_personal(db: Database, forgotten: Purchase) -> None:
    error = {"code": "card_declined", "message": "Ada's card was declined."}
    later = [
        charge_refunded(forgotten, 500, customer="cus_Person"),
        payment(forgotten, "payment_failed", at=2, last_payment_error=error, customer="cus_Person"),
    ]
    assert deliver(db, *later) == ["applied"] * 2
    payloads = db.column(
        "select payload::text from credits.stripe_events where user_id = %s", forgotten.user_id
    )
    assert len(payloads) == 4
    assert [payload for payload in payloads if "Ada" in payload or "cus_Person" in payload] == []
    assert balance(db, forgotten.user_id) == 10


def test_late_failure_of_a_forgotten_user_keeps_no_message(db: Database) -> None:
    open_one = open_purchase(db)
    db.rpc("forget_user", user_id=open_one.user_id)
    error = {"code": "card_declined", "message": "Ada's card was declined."}
    assert deliver(db, payment(open_one, "payment_failed", last_payment_error=error)) == ["applied"]
    kept = "select failure_code, failure_message from credits.transactions where id = %s"
    assert db.rows(kept, open_one.id) == [{"failure_code": "card_declined", "failure_message": None}]
