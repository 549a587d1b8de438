"""All that each role may do in our schemas. What is not written here is refused.

A table, view, sequence or function that is missing here fails the tests, so every new one gets a decision.
"""

from __future__ import annotations

SIGNED_IN = frozenset({"authenticated", "service_role"})
SERVICE = frozenset({"service_role"})
NOBODY: frozenset[str] = frozenset()

# Who may select which columns. Nobody may insert, update, delete or truncate anything.
READERS = {
    "credits.accounts": SIGNED_IN,
    "credits.checks": NOBODY,
    "credits.disputes": NOBODY,
    "credits.ledger_entries": SIGNED_IN,
    "credits.packages": SIGNED_IN,
    "credits.refunds": NOBODY,
    "credits.settings": SIGNED_IN,
    "credits.stripe_customers": NOBODY,
    "credits.stripe_events": SERVICE,
    "credits.transactions": SIGNED_IN,
    "public.credit_balance": SIGNED_IN,
    "public.credit_events": SERVICE,
    "public.credit_ledger": SIGNED_IN,
    "public.credit_packages": SIGNED_IN,
    "public.credit_transactions": SIGNED_IN,
}

_ENTRY = "id user_id kind transaction_id description amount balance_after created_at"
_EVENT = "id type outcome reason user_id transaction_id livemode attempts created_at received_at payload"
_PURCHASE = (
    "id user_id package_id description currency credits status failure_code failure_message "
    "stripe_payment_intent_id created_at updated_at"
)

READABLE_COLUMNS = {
    "credits.accounts": "user_id balance held",
    "credits.ledger_entries": _ENTRY,
    "credits.packages": "id name description amount_minor currency credits is_active sort_order",
    "credits.settings": "currency",
    "credits.stripe_events": _EVENT,
    "credits.transactions": f"{_PURCHASE} amount_minor refunded_minor disputed_minor",
    "public.credit_balance": "user_id currency balance held",
    "public.credit_events": _EVENT,
    "public.credit_ledger": _ENTRY,
    "public.credit_packages": "id name description amount currency credits is_active sort_order",
    "public.credit_transactions": f"{_PURCHASE} amount refunded_amount disputed_amount created_at_iso",
}

SEQUENCES = {"credits.ledger_entries_id_seq"}

EXECUTABLE_BY = {
    "credits.apply_charge_refunded(jsonb)": NOBODY,
    "credits.apply_dispute(jsonb)": NOBODY,
    "credits.apply_event(jsonb)": NOBODY,
    "credits.apply_payment(jsonb)": NOBODY,
    "credits.apply_refund(jsonb)": NOBODY,
    "credits.disputed_minor(credits.transactions)": NOBODY,
    "credits.entitlement_of(credits.transactions)": NOBODY,
    "credits.fail(integer,text,text,text)": NOBODY,
    "credits.funds_rank(text)": NOBODY,
    "credits.is_chargeable(bigint,text)": NOBODY,
    "credits.lock_account(uuid)": NOBODY,
    "credits.lock_payment_intent(text)": NOBODY,
    "credits.lock_purchase(jsonb)": NOBODY,
    "credits.major_units(bigint,text)": SIGNED_IN,
    "credits.payment_intent_of(jsonb)": NOBODY,
    "credits.payment_mismatch(jsonb,credits.transactions)": NOBODY,
    "credits.payment_rank(text)": NOBODY,
    "credits.post_entry(uuid,text,numeric,text,text,uuid)": NOBODY,
    "credits.receive_event(jsonb,boolean)": NOBODY,
    "credits.refund_rank(text)": NOBODY,
    "credits.refunded_minor(credits.transactions)": NOBODY,
    "credits.refuse_ledger_change()": NOBODY,
    "credits.reversal_mismatch(jsonb,credits.transactions,jsonb)": NOBODY,
    "credits.settle(credits.transactions,text)": NOBODY,
    "credits.share(numeric,bigint,bigint)": NOBODY,
    "credits.shown(numeric)": SIGNED_IN,
    "credits.tie_payment_intent(uuid,text)": NOBODY,
    "credits.transaction_of(jsonb)": NOBODY,
    "credits.is_forgotten(uuid)": NOBODY,
    "credits.without_person(jsonb)": NOBODY,
    "public.attach_payment_intent(uuid,text)": SERVICE,
    "public.audit_credits()": SERVICE,
    "public.close_credit_purchase(uuid)": SERVICE,
    "public.credit_checks()": SERVICE,
    "public.credit_facts(text[],uuid[])": SERVICE,
    "public.credit_schema_version()": SERVICE,
    "public.explain_credits(text)": SERVICE,
    "public.forget_user(uuid)": SERVICE,
    "public.grant_credits(uuid,numeric,text,text)": SERVICE,
    "public.open_credit_purchase(uuid,uuid,boolean,text,text)": SERVICE,
    "public.record_stripe_events(jsonb)": SERVICE,
    "public.save_credit_check(text,integer)": SERVICE,
    "public.save_stripe_customer(uuid,boolean,text,text)": SERVICE,
}
