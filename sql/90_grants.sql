-- All that anybody but the owner may do. Hosted projects differ in what they grant by default, so all is taken first.
revoke all on all tables in schema credits from public, anon, authenticated, service_role;
revoke all on all routines in schema credits from public, anon, authenticated, service_role;
revoke all on
public.credit_packages, public.credit_transactions, public.credit_balance, public.credit_lots, public.credit_ledger,
public.credit_events
from public, anon, authenticated, service_role;
revoke all on function
public.credit_schema_version(),
public.open_credit_purchase(uuid, uuid, boolean, text, text),
public.attach_payment_intent(uuid, text),
public.save_stripe_customer(uuid, boolean, text, text),
public.grant_credits(uuid, numeric, text, text, timestamptz, integer),
public.spend_credits(uuid, numeric, text, text, jsonb),
public.spend_credits_batch(jsonb),
public.hold_credits(uuid, numeric, text, interval, text, jsonb),
public.capture_hold(uuid, numeric, text, jsonb),
public.release_hold(uuid),
public.refund_spend(uuid, bigint, numeric, text, text),
public.expire_credits(integer),
public.credit_report(timestamptz, timestamptz),
public.credit_statement(uuid, timestamptz, timestamptz),
public.record_stripe_events(jsonb),
public.close_credit_purchase(uuid),
public.forget_user(uuid),
public.audit_credits(),
public.explain_credits(text),
public.credit_facts(text[], uuid[]),
public.save_credit_check(text, integer),
public.credit_checks()
from public, anon, authenticated, service_role;

-- Reading: the views run with the reader's own rights, so row-level security decides which rows.
grant usage on schema credits to authenticated, service_role;
grant select on
public.credit_packages, public.credit_transactions, public.credit_balance, public.credit_lots, public.credit_ledger
to authenticated, service_role;
grant select (currency) on credits.settings to authenticated, service_role;
grant select (id, name, description, amount_minor, currency, credits, is_active, sort_order)
on credits.packages to authenticated, service_role;
grant select (user_id, balance, held, due_at) on credits.accounts to authenticated, service_role;
grant select (id, user_id, transaction_id, remaining, expires_at, priority, is_open)
on credits.lots to authenticated, service_role;
grant select (user_id, amount, status, created_at, expires_at) on credits.holds to authenticated, service_role;
grant select (
  id, user_id, package_id, description, amount_minor, currency, credits, status, failure_code, failure_message,
  stripe_payment_intent_id, refunded_minor, disputed_minor, created_at, updated_at
) on credits.transactions to authenticated, service_role;
grant select (
  id, user_id, kind, transaction_id, spend_id, description, metadata, amount, balance_after, lots, created_at
)
on credits.ledger_entries to authenticated, service_role;
grant select on public.credit_events to service_role;
grant select (
  id, type, outcome, reason, user_id, transaction_id, livemode, attempts, created_at, received_at, payload
) on credits.stripe_events to service_role;
grant execute on function
credits.major_units(bigint, text), credits.shown(numeric), credits.lapsed_lots(uuid),
credits.due_of(uuid, timestamptz)
to authenticated, service_role;

-- Writing: these functions alone, for the service and the app's backend alone.
grant execute on function
public.credit_schema_version(),
public.open_credit_purchase(uuid, uuid, boolean, text, text),
public.attach_payment_intent(uuid, text),
public.save_stripe_customer(uuid, boolean, text, text),
public.grant_credits(uuid, numeric, text, text, timestamptz, integer),
public.spend_credits(uuid, numeric, text, text, jsonb),
public.spend_credits_batch(jsonb),
public.hold_credits(uuid, numeric, text, interval, text, jsonb),
public.capture_hold(uuid, numeric, text, jsonb),
public.release_hold(uuid),
public.refund_spend(uuid, bigint, numeric, text, text),
public.expire_credits(integer),
public.credit_report(timestamptz, timestamptz),
public.credit_statement(uuid, timestamptz, timestamptz),
public.record_stripe_events(jsonb),
public.close_credit_purchase(uuid),
public.forget_user(uuid),
public.audit_credits(),
public.explain_credits(text),
public.credit_facts(text[], uuid[]),
public.save_credit_check(text, integer),
public.credit_checks()
to service_role;
