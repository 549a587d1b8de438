create function credits.transaction_of(p_event jsonb)
returns credits.transactions
language plpgsql
stable
set search_path = ''
as $$
declare
  stripe_object jsonb := p_event -> 'object';
  is_payment_intent boolean := stripe_object ->> 'object' = 'payment_intent';
  claimed_id text;
  purchase credits.transactions;
begin
  select t.* into purchase
  from credits.transactions as t
  where t.stripe_payment_intent_id
    = case when is_payment_intent then stripe_object ->> 'id' else stripe_object ->> 'payment_intent' end;
  if found or not is_payment_intent then
    return purchase;
  end if;
  claimed_id := stripe_object #>> '{metadata,transaction_id}';
  if claimed_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    select t.* into purchase from credits.transactions as t where t.id = claimed_id::uuid;
  end if;
  return purchase;
end
$$;

comment on function credits.transaction_of(jsonb) is
'The purchase that an event is about: by its PaymentIntent, or by the metadata of a PaymentIntent whose id was never '
'attached because the service died right after creating it. All columns null where there is none.';

create function credits.lock_purchase(p_event jsonb)
returns credits.transactions
language plpgsql
set search_path = ''
as $$
declare
  payment_intent_id text := p_event #>> '{object,payment_intent}';
  purchase credits.transactions;
begin
  select t.* into purchase
  from credits.transactions as t
  where t.id = (credits.transaction_of(p_event)).id
  for no key update;
  if not found and payment_intent_id is not null then
    -- Another call may be tying the PaymentIntent to its purchase right now: let it commit, then look again.
    perform pg_catalog.pg_advisory_xact_lock_shared(pg_catalog.hashtextextended(payment_intent_id, 0));
    select t.* into purchase
    from credits.transactions as t
    where t.id = (credits.transaction_of(p_event)).id
    for no key update;
  end if;
  return purchase;
end
$$;

comment on function credits.lock_purchase(jsonb) is
'The newest state of the purchase that an event is about, its row locked. All columns null where there is none.';
