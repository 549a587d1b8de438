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
