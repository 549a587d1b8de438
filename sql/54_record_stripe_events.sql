create function public.record_stripe_events(events jsonb)
returns jsonb
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set enable_seqscan = off -- these four as for open_lots: planned once, by the keys
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  received jsonb[];
  payment_intent_id text;
  turn record;
  verdicts credits.verdict[];
begin
  if jsonb_typeof(record_stripe_events.events) is distinct from 'array' or exists (
    select
    from jsonb_array_elements(record_stripe_events.events) as e (event)
    where jsonb_typeof(e.event -> 'id') is distinct from 'string'
      or jsonb_typeof(e.event -> 'type') is distinct from 'string'
  ) then
    perform credits.fail(400, 'invalid_argument', 'events must be an array of events, each with an id and a type.');
  end if;

  received := array(
    select distinct on (e.event ->> 'id') e.event
    from jsonb_array_elements(record_stripe_events.events) with ordinality as e (event, position)
    order by e.event ->> 'id', e.position
  );

  -- First the PaymentIntents that no purchase has yet, then the accounts, then the events, each in one order: two calls
  -- never wait for each other in a circle.
  for payment_intent_id in
    select distinct i.id
    from (select credits.payment_intent_of(e.event) as id from unnest(received) as e (event)) as i
    where not exists (select from credits.transactions as t where t.stripe_payment_intent_id = i.id)
    order by i.id
  loop
    perform credits.lock_payment_intent(payment_intent_id);
  end loop;

  -- A user's events take turns, so that each finds what the one before it left. The first turn has all users.
  for turn in
    select array_agg(e.event order by e.id) as events, array_agg(e.user_id) as user_ids
    from (
      select
        p.event, p.event ->> 'id' as id, (p.purchase).user_id as user_id,
        row_number() over (
          partition by coalesce((p.purchase).user_id::text, p.event ->> 'id') order by p.event ->> 'id'
        ) as number
      from credits.purchases_of(received) as p
    ) as e
    group by e.number
    order by e.number
  loop
    perform from credits.accounts as a where a.user_id = any(turn.user_ids) order by a.user_id for no key update;
    verdicts := verdicts || credits.receive_events(turn.events);
  end loop;

  return (
    select coalesce(
      jsonb_agg(
        jsonb_build_object(
          'id', v.event_id, 'outcome', v.outcome, 'reason', v.reason, 'transaction_id', v.transaction_id
        ) order by e.position
      ), '[]'
    )
    from jsonb_array_elements(record_stripe_events.events) with ordinality as e (event, position)
    inner join unnest(verdicts) as v on e.event ->> 'id' = v.event_id
  );
end
$$;

comment on function public.record_stripe_events(jsonb) is
'Records events of Stripe, an array of {id, type, created, livemode, api_version, object}, and gives for each, in the '
'same order, {id, outcome, reason, transaction_id}: applied, duplicate, ignored, mismatch, or failed. A failed event '
'did not commit while the others did: answer Stripe 5xx for it and it comes again. Errors: 400 invalid_argument.';
