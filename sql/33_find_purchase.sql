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

create function credits.claimed_transaction_of(p_event jsonb)
returns uuid
language plpgsql
immutable
set search_path = ''
as $$
declare
  claimed_id constant text := p_event #>> '{object,metadata,transaction_id}';
begin
  if p_event #>> '{object,object}' = 'payment_intent'
    and claimed_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    return claimed_id::uuid;
  end if;
  return null;
end
$$;

comment on function credits.claimed_transaction_of(jsonb) is
'The purchase that the metadata of a PaymentIntent event names, or null.';

create function credits.purchases_of(p_events jsonb[])
returns table (event jsonb, purchase credits.transactions)
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select e.event, coalesce(tied, claimed)
  from unnest(p_events) as e (event)
  left join credits.transactions as tied on tied.stripe_payment_intent_id = credits.payment_intent_of(e.event)
  left join credits.transactions as claimed
    on claimed.id = case when tied.id is null then credits.claimed_transaction_of(e.event) end;
end
$$;

comment on function credits.purchases_of(jsonb[]) is
'The purchase that each event is about: by its PaymentIntent, or by the metadata of a PaymentIntent whose id was never '
'attached because the service died right after creating it. Null where there is none.';
