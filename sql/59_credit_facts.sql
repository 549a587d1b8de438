create function public.credit_facts(payment_intent_ids text[], transaction_ids uuid[] default '{}')
returns jsonb
language sql
stable
security definer -- service_role alone may execute it; it reads tables that service_role cannot
set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'transaction_id', t.id,
    'user_id', t.user_id,
    'livemode', t.livemode,
    'payment_intent_id', t.stripe_payment_intent_id,
    'amount', credits.major_units(t.amount_minor, t.currency),
    'currency', t.currency,
    'status', t.status,
    'refunded_amount', credits.major_units(t.refunded_minor, t.currency),
    'disputed_amount', credits.major_units(t.disputed_minor, t.currency),
    'credits', credits.shown(t.credits_purchased - t.credits_refunded - t.credits_disputed),
    'payment_state', t.payment_state,
    'payment_state_at', case when isfinite(t.payment_state_at) then extract(epoch from t.payment_state_at)::bigint end,
    'refunds', (
      select coalesce(jsonb_object_agg(r.id, r.status), '{}')
      from credits.refunds as r
      where r.user_id = t.user_id and r.transaction_id = t.id
    ),
    'disputes', (
      select coalesce(jsonb_object_agg(d.id, jsonb_build_object(
        'status', d.status,
        'status_at', case when isfinite(d.status_at) then extract(epoch from d.status_at)::bigint end,
        'amount_minor', d.amount_minor,
        'funds', d.funds
      )), '{}')
      from credits.disputes as d
      where d.user_id = t.user_id and d.transaction_id = t.id
    )
  ) order by t.created_at, t.id), '[]')
  from credits.transactions as t
  where
    t.stripe_payment_intent_id = any(credit_facts.payment_intent_ids)
    or t.id = any(credit_facts.transaction_ids)
$$;

comment on function public.credit_facts(text[], uuid[]) is
'What is known of purchases, found by PaymentIntent or by id, to be compared with Stripe: an array of {transaction_id, '
'payment_intent_id, status, credits, payment_state, refunds: {id: status}, disputes: {id: {status, funds, …}}, …}. '
'Amounts are in the currency''s major unit, times in Unix seconds; credits is what the purchase gives as it stands.';
