"""Each named constraint, and a statement of the schema's owner that it refuses."""

# ruff: noqa: S608 -- statements are put together from literals of this file alone

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.sql.events import deliver, dispute, payment, refund
from tests.sql.purchases import hold, new_user, open_purchase, spend

if TYPE_CHECKING:
    from tests.sql.database import Database

# Nothing can break these without breaking a primary key first; foreign keys need them.
IMPLIED = {"accounts_auth_user_id_key", "transactions_id_is_the_users"}

PACKAGE = "update credits.packages set {} where id = %(package)s"
ACCOUNT = "update credits.accounts set {} where user_id = %(user)s"
PURCHASE = "update credits.transactions set {} where id = %(purchase)s"
HOLD = "update credits.holds set {} where user_id = %(user)s"
SAME_HOLD = (
    "insert into credits.holds (id, user_id, amount, idempotency_key, description, expires_at) "
    "select {}, user_id, 1, idempotency_key, '', expires_at from credits.holds where user_id = %(user)s"
)
LOT = "update credits.lots set {} where user_id = %(user)s"
REFUND = "update credits.refunds set {} where id = 're_1'"
DISPUTE = "update credits.disputes set {} where id = %(dispute)s"
EVENT = "update credits.stripe_events set {} where id = %(event)s"
CHECK = "insert into credits.checks (name, findings) values ({})"
CUSTOMER = "insert into credits.stripe_customers values (%(user)s, {})"
ENTRY_COLUMNS = (
    "user_id, kind, amount, balance_after, transaction_id, description, key, created_at, lots, spend_id"
)
SAME_KEY = (
    f"insert into credits.ledger_entries ({ENTRY_COLUMNS}) "
    "select user_id, kind, amount, balance_after, transaction_id, '', key, '2020-01-01', lots, spend_id "
    "from credits.ledger_entries where user_id = %(user)s and kind = 'purchase'"
)
SAME_TIME = (
    f"insert into credits.ledger_entries ({ENTRY_COLUMNS}) "
    "select user_id, kind, amount, balance_after, transaction_id, '', key || 2, created_at, lots, spend_id "
    "from credits.ledger_entries where user_id = %(user)s and kind = 'purchase'"
)
SAME_ENTRY = (
    f"insert into credits.ledger_entries (id, {ENTRY_COLUMNS}) overriding system value "
    "select id, user_id, kind, amount, balance_after, transaction_id, '', key || 2, now(), lots, spend_id "
    "from credits.ledger_entries where user_id = %(user)s and kind = 'purchase'"
)
SAME_PURCHASE = (
    "insert into credits.transactions "
    "(id, user_id, package_id, description, amount_minor, currency, credits, livemode) "
    "select id, user_id, package_id, '', 1, 'usd', 1, false from credits.transactions where id = %(purchase)s"
)


def entry(kind: str, **columns: str) -> str:
    given = {
        "user_id": "%(user)s",
        "kind": f"'{kind}'",
        "amount": "1",
        "balance_after": "1",
        "description": "''",
        "key": "'k'",
        "created_at": "now()",
    } | columns
    return f"insert into credits.ledger_entries ({', '.join(given)}) values ({', '.join(given.values())})"


BREACHES = [
    ("accounts_auth_user_is_the_user", ACCOUNT.format("auth_user_id = %(stranger)s")),
    ("accounts_balance_is_a_number", ACCOUNT.format("balance = 'NaN'")),
    ("accounts_held_is_not_negative", ACCOUNT.format("held = -0.000001")),
    ("accounts_held_is_not_negative", ACCOUNT.format("held = 'NaN'")),
    ("accounts_pkey", "insert into credits.accounts (user_id) values (%(user)s)"),
    ("user_has_credits_call_forget_user_before_deleting", "delete from auth.users where id = %(user)s"),
    (
        "user_has_credits_call_forget_user_before_deleting",
        "insert into credits.accounts (user_id, auth_user_id) values (%(nobody)s, %(nobody)s)",
    ),
    ("checks_findings_is_a_count", CHECK.format("'audit', -1")),
    ("checks_name_is_known", CHECK.format("'guess', 0")),
    ("checks_pkey", CHECK.format("'audit', 0), ('audit', 0")),
    ("disputes_amount_is_positive", DISPUTE.format("amount_minor = 0")),
    ("disputes_belong_to_the_users_purchase", DISPUTE.format("user_id = %(stranger)s")),
    ("disputes_funds_is_known", DISPUTE.format("funds = 'spent'")),
    ("disputes_pkey", "insert into credits.disputes select * from credits.disputes where id = %(dispute)s"),
    ("holds_amount_is_positive", HOLD.format("amount = 0")),
    ("holds_amount_is_positive", HOLD.format("amount = 'NaN'")),
    ("holds_expire_after_they_began", HOLD.format("expires_at = created_at")),
    ("holds_idempotency_key_is_one", SAME_HOLD.format("gen_random_uuid()")),
    ("holds_pkey", SAME_HOLD.format("id")),
    ("holds_status_is_known", HOLD.format("status = 'kept'")),
    ("holds_user_id_fkey", HOLD.format("user_id = %(nobody)s")),
    ("ledger_entries_amount_moves_the_balance", entry("grant", amount="0")),
    ("ledger_entries_amount_moves_the_balance", entry("grant", amount="'NaN'")),
    (
        "ledger_entries_belong_to_the_users_purchase",
        entry("refund", user_id="%(other)s", transaction_id="%(purchase)s", lots="'{}'"),
    ),
    ("ledger_entries_created_at_is_one", SAME_TIME),
    ("ledger_entries_fit_their_kind", entry("bonus", lots="'{}'")),
    ("ledger_entries_fit_their_kind", entry("purchase")),
    ("ledger_entries_fit_their_kind", entry("refund", lots="'{}'")),
    ("ledger_entries_fit_their_kind", entry("grant", transaction_id="%(purchase)s")),
    ("ledger_entries_fit_their_kind", entry("grant", lots="'{}'")),
    ("ledger_entries_fit_their_kind", entry("spend")),
    ("ledger_entries_fit_their_kind", entry("spend", lots="'{}'", spend_id="%(spend)s")),
    ("ledger_entries_fit_their_kind", entry("spend_refund", lots="'{}'")),
    ("ledger_entries_key_is_one", SAME_KEY),
    ("ledger_entries_pkey", SAME_ENTRY),
    (
        "ledger_entries_refund_is_of_the_users_spend",
        entry("spend_refund", user_id="%(other)s", lots="'{}'", spend_id="%(spend)s"),
    ),
    ("lots_are_opened_by_an_entry", LOT.format("id = 0")),
    ("lots_belong_to_the_users_purchase", LOT.format("transaction_id = %(nobody)s")),
    ("lots_of_a_purchase_do_not_expire", LOT.format("expires_at = now()")),
    (
        "lots_pkey",
        "insert into credits.lots (user_id, id, remaining) select user_id, id, 1 from credits.lots",
    ),
    ("lots_priority_is_within_range", LOT.format("priority = 101")),
    ("lots_priority_is_within_range", LOT.format("priority = -1")),
    (
        "lots_user_id_fkey",
        "insert into credits.lots (user_id, id, remaining) values (%(nobody)s, %(spend)s, 1)",
    ),
    ("packages_amount_is_chargeable", PACKAGE.format("amount_minor = 0")),
    ("packages_amount_is_chargeable", PACKAGE.format("amount_minor = -500")),
    ("packages_amount_is_chargeable", PACKAGE.format("amount_minor = 100000000")),
    ("packages_amount_is_chargeable", PACKAGE.format("amount_minor = 1501, currency = 'kwd'")),
    ("packages_amount_is_chargeable", PACKAGE.format("amount_minor = 1550, currency = 'isk'")),
    ("packages_amount_is_chargeable", PACKAGE.format("amount_minor = 1550, currency = 'ugx'")),
    ("packages_credits_are_positive", PACKAGE.format("credits = 0")),
    ("packages_credits_are_positive", PACKAGE.format("credits = 'NaN'")),
    ("packages_currency_is_iso", PACKAGE.format("currency = 'USD'")),
    ("packages_currency_is_iso", PACKAGE.format("currency = 'us'")),
    ("packages_currency_is_iso", PACKAGE.format("currency = E'usd\\n'")),
    ("packages_name_is_given", PACKAGE.format("name = '  '")),
    ("packages_name_is_given", PACKAGE.format("name = repeat('x', 201)")),
    ("packages_pkey", "insert into credits.packages select * from credits.packages where id = %(package)s"),
    ("refunds_amount_is_positive", REFUND.format("amount_minor = 0")),
    ("refunds_belong_to_the_users_purchase", REFUND.format("user_id = %(stranger)s")),
    ("refunds_pkey", "insert into credits.refunds select * from credits.refunds where id = 're_1'"),
    ("refunds_status_is_known", REFUND.format("status = 'won'")),
    ("settings_currency_is_iso", "update credits.settings set currency = 'dollars'"),
    ("settings_is_one_row", "insert into credits.settings (singleton) values (false)"),
    ("settings_max_open_purchases_is_positive", "update credits.settings set max_open_purchases = 0"),
    ("settings_open_purchase_window_is_positive", "update credits.settings set open_purchase_window = '0'"),
    ("settings_pkey", "insert into credits.settings default values"),
    ("stripe_customers_customer_is_one", CUSTOMER.format("true, 'cus_1'")),
    ("stripe_customers_pkey", CUSTOMER.format("false, 'cus_2'")),
    (
        "stripe_customers_user_id_fkey",
        "insert into credits.stripe_customers values (%(stranger)s, false, 'cus_2')",
    ),
    ("stripe_events_outcome_is_known", EVENT.format("outcome = 'duplicate', reason = ''")),
    (
        "stripe_events_pkey",
        "insert into credits.stripe_events select * from credits.stripe_events where id = %(event)s",
    ),
    ("stripe_events_reason_is_given", EVENT.format("outcome = 'mismatch'")),
    ("transactions_amount_is_chargeable", PURCHASE.format("amount_minor = 0")),
    ("transactions_amount_is_chargeable", PURCHASE.format("amount_minor = 1501, currency = 'bhd'")),
    ("transactions_credits_are_positive", PURCHASE.format("credits = 'NaN', credits_purchased = 0")),
    ("transactions_credits_are_positive", PURCHASE.format("credits = -1, credits_purchased = 0")),
    ("transactions_disputed_is_not_negative", PURCHASE.format("disputed_minor = -1")),
    (
        "transactions_idempotency_key_is_one",
        PURCHASE.format("idempotency_key = 'same'").replace("id = %(purchase)s", "user_id = %(user)s"),
    ),
    ("transactions_package_id_fkey", "delete from credits.packages where id = %(package)s"),
    ("transactions_package_id_fkey", PURCHASE.format("package_id = %(nobody)s")),
    (
        "transactions_payment_intent_is_one",
        "update credits.transactions set stripe_payment_intent_id = 'pi_same' where user_id = %(user)s",
    ),
    ("transactions_payment_state_is_known", PURCHASE.format("payment_state = 'paid'")),
    ("transactions_pkey", SAME_PURCHASE),
    ("transactions_posted_is_within_the_purchase", PURCHASE.format("credits_purchased = 1")),
    ("transactions_posted_is_within_the_purchase", PURCHASE.format("credits_refunded = -1")),
    ("transactions_posted_is_within_the_purchase", PURCHASE.format("credits_disputed = 15")),
    ("transactions_posted_is_within_the_purchase", PURCHASE.format("credits_disputed = 'NaN'")),
    ("transactions_refunded_is_not_negative", PURCHASE.format("refunded_minor = -1")),
    ("transactions_user_id_fkey", "delete from credits.accounts where user_id = %(waiting)s"),
    ("transactions_user_id_fkey", PURCHASE.format("user_id = %(nobody)s").replace("purchase", "open")),
]


@pytest.fixture
def subjects(db: Database) -> dict[str, object]:
    """A purchase with a refund and a dispute, another purchase of the same user, and other users."""
    purchase = open_purchase(db)
    second = open_purchase(db, purchase.user_id)
    paid = payment(purchase, "succeeded")
    disputed = dispute(purchase, "created", "needs_response", amount=300)
    assert deliver(db, paid, refund(purchase, "re_1", 500), disputed) == ["applied"] * 3
    spent = spend(db, purchase.user_id, 1)
    hold(db, purchase.user_id, 1)
    db.rpc("save_stripe_customer", user_id=purchase.user_id, livemode=False, customer_id="cus_1")
    [package] = db.column("select package_id from credits.transactions where id = %s", purchase.id)
    return {
        "user": purchase.user_id,
        "purchase": purchase.id,
        "package": package,
        "open": second.id,
        "event": paid["id"],
        "spend": spent,
        "dispute": disputed["object"]["id"],
        "other": open_purchase(db).user_id,
        "waiting": open_purchase(db).user_id,
        "stranger": new_user(db),
        "nobody": "00000000-0000-4000-8000-00000000dead",
    }


@pytest.mark.parametrize(("constraint", "statement"), BREACHES)
def test_constraint_refuses(
    db: Database, subjects: dict[str, object], constraint: str, statement: str
) -> None:
    with pytest.raises(psycopg.IntegrityError) as refusal, db.connection.transaction():
        db.connection.execute(statement.encode(), subjects)
    assert refusal.value.diag.constraint_name == constraint


def test_every_constraint_has_a_breach(db: Database) -> None:
    constraints = db.column("select conname from pg_constraint where connamespace = 'credits'::regnamespace")
    assert set(constraints) - IMPLIED == {constraint for constraint, _ in BREACHES}


@pytest.mark.parametrize("amount", ["Infinity", "-Infinity", "1e14"])
def test_credits_beyond_the_column_are_out_of_range(
    db: Database, subjects: dict[str, object], amount: str
) -> None:
    with db.refused("22003"):
        db.execute(
            "update credits.packages set credits = %s::numeric where id = %s", amount, subjects["package"]
        )
