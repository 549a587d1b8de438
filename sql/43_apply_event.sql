create function credits.apply_event(p_event jsonb)
returns credits.verdict
language plpgsql
set search_path = ''
as $$
declare
  event_type text := p_event ->> 'type';
begin
  if p_event ? 'malformed' or jsonb_typeof(p_event -> 'created') is distinct from 'number' then
    return row('mismatch', 'malformed', null, null)::credits.verdict;
  elsif event_type in (
    'payment_intent.created', 'payment_intent.requires_action', 'payment_intent.processing',
    'payment_intent.payment_failed', 'payment_intent.canceled', 'payment_intent.succeeded'
  ) then
    return credits.apply_payment(p_event);
  elsif event_type in ('refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated') then
    return credits.apply_refund(p_event);
  elsif event_type = 'charge.refunded' then
    return credits.apply_charge_refunded(p_event);
  elsif event_type in (
    'charge.dispute.created', 'charge.dispute.updated', 'charge.dispute.closed',
    'charge.dispute.funds_withdrawn', 'charge.dispute.funds_reinstated'
  ) then
    return credits.apply_dispute(p_event);
  end if;
  return row('ignored', 'type', null, null)::credits.verdict;
end
$$;

comment on function credits.apply_event(jsonb) is
'Gives an event to the function that knows its type. No other type is of concern.';

create function credits.without_person(p_event jsonb)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_event #- '{object,last_payment_error,message}' #- '{object,customer}' #- '{object,metadata}';
end
$$;

comment on function credits.without_person(jsonb) is 'An event without what leads to a person.';

create function credits.receive_event(p_event jsonb, p_again boolean default false)
returns credits.verdict
language plpgsql
set search_path = ''
as $$
declare
  verdict credits.verdict;
begin
  if not p_again and exists (
    select from credits.stripe_events where id = p_event ->> 'id' and outcome <> 'failed'
  ) then
    return row('duplicate', null, null, null)::credits.verdict;
  end if;

  begin
    verdict := credits.apply_event(p_event);
  exception when others then
    verdict := ('failed', sqlstate || ' ' || sqlerrm, null, null);
  end;

  insert into credits.stripe_events as known (
    id, type, livemode, api_version, created_at, outcome, reason, user_id, transaction_id, payload
  )
  values (
    p_event ->> 'id', p_event ->> 'type',
    case jsonb_typeof(p_event -> 'livemode') when 'boolean' then (p_event ->> 'livemode')::boolean end,
    p_event ->> 'api_version',
    case when p_event @? '$.created ? (@ >= 0 && @ < 10000000000)' then to_timestamp((p_event ->> 'created')::numeric) end,
    verdict.outcome, verdict.reason, verdict.user_id, verdict.transaction_id,
    case when credits.is_forgotten(verdict.user_id) then credits.without_person(p_event) else p_event end
  )
  on conflict (id) do update set
    outcome = excluded.outcome,
    reason = excluded.reason,
    user_id = excluded.user_id,
    transaction_id = excluded.transaction_id,
    attempts = known.attempts + 1
  where known.outcome = 'failed' or p_again;
  if not found then
    return row('duplicate', null, null, null)::credits.verdict;
  end if;
  return verdict;
end
$$;

comment on function credits.receive_event(jsonb, boolean) is
'Applies one event in a subtransaction of its own and stores it with what became of it. Facts are monotone, so an '
'event that two calls apply at once changes nothing the second time. p_again takes one again that was ignored.';
