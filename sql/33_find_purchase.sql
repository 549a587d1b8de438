create function credits.payment_intent_of(p_event jsonb)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case p_event #>> '{object,object}'
    when 'payment_intent' then p_event #>> '{object,id}' else p_event #>> '{object,payment_intent}'
  end;
end
$$;

comment on function credits.payment_intent_of(jsonb) is 'The id of the PaymentIntent that an event is about, or null.';

create function credits.lock_payment_intent(p_payment_intent_id text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(p_payment_intent_id, 0));
end
$$;

comment on function credits.lock_payment_intent(text) is
'Locks a PaymentIntent that no purchase has yet, so that whose it is stays as it is until the end of the transaction. '
'Taken before any account.';

create function credits.transaction_of(p_event jsonb)
returns credits.transactions
language plpgsql
stable
set search_path = ''
as $$
declare
  claimed_id text := case p_event #>> '{object,object}'
    when 'payment_intent' then p_event #>> '{object,metadata,transaction_id}'
  end;
  purchase credits.transactions;
begin
  select t.* into purchase
  from credits.transactions as t
  where t.stripe_payment_intent_id = credits.payment_intent_of(p_event);
  if not found and claimed_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
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
  purchase credits.transactions := credits.transaction_of(p_event);
begin
  select t.* into purchase
  from credits.transactions as t
  where t.id = purchase.id
  for no key update;
  return purchase;
end
$$;

comment on function credits.lock_purchase(jsonb) is
'The newest state of the purchase that an event is about, its row locked. All columns null where there is none.';
