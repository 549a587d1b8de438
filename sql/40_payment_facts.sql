create type credits.change as (event jsonb, outcome text, reason text, purchase credits.transactions);

create function credits.payment_rank(p_state text)
returns integer
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return array_position(array['pending', 'requires_action', 'processing', 'failed', 'canceled', 'succeeded'], p_state);
end
$$;

comment on function credits.payment_rank(text) is
'Orders payment states that Stripe reports for the same second. From 5 (canceled) on they are final.';

create function credits.payment_mismatch(p_event jsonb, p_purchase credits.transactions)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when p_purchase.stripe_payment_intent_id <> p_event #>> '{object,id}' then 'payment_intent'
    when p_event -> 'livemode' is distinct from to_jsonb(p_purchase.livemode) then 'livemode'
    when p_event #>> '{object,metadata,user_id}' <> p_purchase.user_id::text then 'user'
    when p_event #>> '{object,currency}' is distinct from p_purchase.currency then 'currency'
    when p_event #> '{object,amount}' is distinct from to_jsonb(p_purchase.amount_minor) then 'amount'
    when p_event ->> 'type' <> 'payment_intent.succeeded' then null
    when p_event #>> '{object,status}' is distinct from 'succeeded' then 'status'
    when p_event #> '{object,amount_received}' is distinct from to_jsonb(p_purchase.amount_minor) then 'amount_received'
  end;
end
$$;

comment on function credits.payment_mismatch(jsonb, credits.transactions) is
'Why a PaymentIntent event does not fit the purchase that it claims; null where it fits.';

create function credits.claims_a_purchase(p_intent jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return pg_input_is_valid(coalesce(p_intent #>> '{metadata,transaction_id}', ''), 'uuid')
    and pg_input_is_valid(coalesce(p_intent #>> '{metadata,user_id}', ''), 'uuid');
end
$$;

comment on function credits.claims_a_purchase(jsonb) is
'Whether a PaymentIntent has the metadata that the service gives to its own. Other applications on the Stripe account '
'may have a transaction_id of another kind.';

create function credits.is_forgotten(p_user_id uuid)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return exists (select from credits.accounts where user_id = p_user_id and auth_user_id is null);
end
$$;

comment on function credits.is_forgotten(uuid) is
'Whether forget_user was called for this user: nothing personal is stored then.';

create function credits.apply_payment(p_event jsonb, p_purchase credits.transactions)
returns credits.change
language plpgsql
set search_path = ''
as $$
declare
  intent jsonb := p_event -> 'object';
  mismatch text := credits.payment_mismatch(p_event, p_purchase);
  happened_at timestamptz := to_timestamp((p_event ->> 'created')::bigint);
  state text := case p_event ->> 'type'
    when 'payment_intent.created' then 'pending'
    when 'payment_intent.requires_action' then 'requires_action'
    when 'payment_intent.processing' then 'processing'
    when 'payment_intent.payment_failed' then 'failed'
    when 'payment_intent.canceled' then 'canceled'
    when 'payment_intent.succeeded' then 'succeeded'
  end;
  rank integer := credits.payment_rank(state);
  known_rank integer := credits.payment_rank(p_purchase.payment_state);
begin
  if p_purchase.id is null and not credits.claims_a_purchase(intent) then
    return row(p_event, 'ignored', 'not_ours', null)::credits.change;
  elsif p_purchase.id is null then
    return row(p_event, 'mismatch', 'unknown_transaction', null)::credits.change;
  elsif mismatch is not null then
    return row(p_event, 'mismatch', mismatch, p_purchase)::credits.change;
  end if;

  -- A final state beats any other; then the newer event; within one second the further state.
  if (greatest(rank, 4), happened_at, rank, (p_event ->> 'id') collate "C")
    > (greatest(known_rank, 4), p_purchase.payment_state_at, known_rank, p_purchase.payment_event_id collate "C")
  then
    p_purchase.payment_state := state;
    p_purchase.payment_state_at := happened_at;
    p_purchase.payment_event_id := p_event ->> 'id';
    p_purchase.failure_code := case state
      when 'failed' then coalesce(intent #>> '{last_payment_error,decline_code}', intent #>> '{last_payment_error,code}')
      when 'canceled' then intent ->> 'cancellation_reason'
    end;
    p_purchase.failure_message := case
      when state = 'failed' and not credits.is_forgotten(p_purchase.user_id) then intent #>> '{last_payment_error,message}'
    end;
  end if;
  return row(p_event, 'applied', null, p_purchase)::credits.change;
end
$$;

comment on function credits.apply_payment(jsonb, credits.transactions) is
'Takes over what a PaymentIntent event says of its purchase, if it is newer than what is known.';
