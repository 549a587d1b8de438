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
    "credits.holds": SIGNED_IN,
    "credits.journal": NOBODY,
    "credits.ledger_entries": SIGNED_IN,
    "credits.lot_movements": NOBODY,
    "credits.lots": SIGNED_IN,
    "credits.packages": SIGNED_IN,
    "credits.refunds": NOBODY,
    "credits.settings": SIGNED_IN,
    "credits.stripe_customers": NOBODY,
    "credits.stripe_events": SERVICE,
    "credits.transactions": SIGNED_IN,
    "public.credit_balance": SIGNED_IN,
    "public.credit_events": SERVICE,
    "public.credit_ledger": SIGNED_IN,
    "public.credit_lots": SIGNED_IN,
    "public.credit_packages": SIGNED_IN,
    "public.credit_transactions": SIGNED_IN,
}

_ENTRY = "id user_id kind transaction_id spend_id description metadata amount balance_after lots created_at"
_LOT = "id user_id transaction_id remaining expires_at priority"
_EVENT = "id type outcome reason user_id transaction_id livemode attempts created_at received_at payload"
_PURCHASE = (
    "id user_id package_id description currency credits status failure_code failure_message "
    "stripe_payment_intent_id created_at updated_at"
)

READABLE_COLUMNS = {
    "credits.accounts": "user_id balance held due_at",
    "credits.holds": "user_id amount status created_at expires_at",
    "credits.ledger_entries": _ENTRY,
    "credits.lots": f"{_LOT} is_open",
    "credits.packages": "id name description amount_minor currency credits is_active sort_order",
    "credits.settings": "currency",
    "credits.stripe_events": _EVENT,
    "credits.transactions": f"{_PURCHASE} amount_minor refunded_minor disputed_minor",
    "public.credit_balance": "user_id currency balance held available expiring_amount expiring_at",
    "public.credit_events": _EVENT,
    "public.credit_ledger": _ENTRY,
    "public.credit_lots": _LOT,
    "public.credit_packages": "id name description amount currency credits is_active sort_order",
    "public.credit_transactions": f"{_PURCHASE} amount refunded_amount disputed_amount created_at_iso",
}

SEQUENCES = {"credits.ledger_entries_id_seq"}

_TIME = "timestamp with time zone"

EXECUTABLE_BY = {
    "credits.apply_charge_refunded(jsonb,credits.transactions)": NOBODY,
    "credits.apply_dispute(jsonb,credits.transactions)": NOBODY,
    "credits.apply_event(jsonb,credits.transactions)": NOBODY,
    "credits.apply_payment(jsonb,credits.transactions)": NOBODY,
    "credits.apply_refund(jsonb,credits.transactions)": NOBODY,
    "credits.check_posting(numeric,text,text,jsonb)": NOBODY,
    "credits.claims_a_purchase(jsonb)": NOBODY,
    "credits.claimed_transaction_of(jsonb)": NOBODY,
    "credits.disputed_minor(credits.transactions)": NOBODY,
    f"credits.draw(uuid,numeric,{_TIME})": NOBODY,
    f"credits.draw_from_several(uuid,numeric,{_TIME})": NOBODY,
    f"credits.due_of(uuid,{_TIME})": SIGNED_IN,
    "credits.entitlement_of(credits.transactions)": NOBODY,
    "credits.fail(integer,text,text,text)": NOBODY,
    "credits.fits_kind(text,uuid,bigint,jsonb)": NOBODY,
    "credits.free_hold(credits.holds,text)": NOBODY,
    "credits.funds_rank(text)": NOBODY,
    "credits.give_back(credits.ledger_entries,numeric)": NOBODY,
    "credits.insufficient(credits.funds,numeric)": NOBODY,
    "credits.is_chargeable(bigint,text)": NOBODY,
    "credits.key_is_used(uuid,text)": NOBODY,
    "credits.key_reused(text)": NOBODY,
    "credits.lapse(uuid)": NOBODY,
    "credits.lapsed_lots(uuid)": SIGNED_IN,
    "credits.lock_account(uuid)": NOBODY,
    "credits.lock_hold(uuid)": NOBODY,
    "credits.lock_payment_intent(text)": NOBODY,
    "credits.major_units(bigint,text)": SIGNED_IN,
    "credits.move_lots(uuid,jsonb)": NOBODY,
    "credits.open_lots(credits.opening[])": NOBODY,
    "credits.payment_intent_of(jsonb)": NOBODY,
    "credits.payment_mismatch(jsonb,credits.transactions)": NOBODY,
    "credits.payment_rank(text)": NOBODY,
    "credits.post_entry(uuid,text,numeric,text,text,jsonb,uuid,bigint,jsonb)": NOBODY,
    "credits.post_spend(uuid,numeric,text,text,jsonb)": NOBODY,
    "credits.purchases_of(jsonb[])": NOBODY,
    "credits.receive_events(jsonb[],boolean)": NOBODY,
    "credits.refund_rank(text)": NOBODY,
    "credits.refunded_minor(credits.transactions)": NOBODY,
    "credits.refuse_ledger_change()": NOBODY,
    "credits.reversal_mismatch(jsonb,credits.transactions,jsonb)": NOBODY,
    "credits.settle(credits.settlement[])": NOBODY,
    "credits.settlement_of(credits.transactions,text)": NOBODY,
    "credits.share(numeric,bigint,bigint)": NOBODY,
    "credits.shown(numeric)": SIGNED_IN,
    "credits.store_events(credits.change[],boolean)": NOBODY,
    "credits.tie_payment_intent(uuid,text)": NOBODY,
    "credits.is_forgotten(uuid)": NOBODY,
    "credits.without_person(jsonb)": NOBODY,
    "public.attach_payment_intent(uuid,text)": SERVICE,
    "public.audit_credits()": SERVICE,
    "public.capture_hold(uuid,numeric,text,jsonb)": SERVICE,
    "public.close_credit_purchase(uuid)": SERVICE,
    "public.credit_checks()": SERVICE,
    "public.credit_facts(text[],uuid[])": SERVICE,
    "public.credit_report(timestamp with time zone,timestamp with time zone)": SERVICE,
    "public.credit_schema_version()": SERVICE,
    "public.credit_statement(uuid,timestamp with time zone,timestamp with time zone)": SERVICE,
    "public.expire_credits(integer)": SERVICE,
    "public.explain_credits(text)": SERVICE,
    "public.forget_user(uuid)": SERVICE,
    "public.grant_credits(uuid,numeric,text,text,timestamp with time zone,integer)": SERVICE,
    "public.hold_credits(uuid,numeric,text,interval,text,jsonb)": SERVICE,
    "public.open_credit_purchase(uuid,uuid,boolean,text,text)": SERVICE,
    "public.record_stripe_events(jsonb)": SERVICE,
    "public.save_credit_check(text,integer)": SERVICE,
    "public.refund_spend(uuid,bigint,numeric,text,text)": SERVICE,
    "public.release_hold(uuid)": SERVICE,
    "public.save_stripe_customer(uuid,boolean,text,text)": SERVICE,
    "public.spend_credits(uuid,numeric,text,text,jsonb)": SERVICE,
    "public.spend_credits_batch(jsonb)": SERVICE,
}
