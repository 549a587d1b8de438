create function public.record_stripe_events(events jsonb)
returns jsonb
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
declare
  payment_intent_ids text[];
  payment_intent_id text;
  user_ids uuid[];
  event jsonb;
  verdict credits.verdict;
  verdicts jsonb := '{}';
begin
  if jsonb_typeof(record_stripe_events.events) is distinct from 'array' or exists (
    select
    from jsonb_array_elements(record_stripe_events.events) as e (event)
    where jsonb_typeof(e.event -> 'id') is distinct from 'string'
      or jsonb_typeof(e.event -> 'type') is distinct from 'string'
  ) then
    perform credits.fail(400, 'invalid_argument', 'events must be an array of events, each with an id and a type.');
  end if;

  -- First the PaymentIntents that no purchase has yet, then the accounts, then the events, each in one order: two calls
  -- never wait for each other in a circle.
  payment_intent_ids := array(
    select distinct credits.payment_intent_of(e.event)
    from jsonb_array_elements(record_stripe_events.events) as e (event)
    order by 1
  );
  foreach payment_intent_id in array payment_intent_ids loop
    if not exists (select from credits.transactions as t where t.stripe_payment_intent_id = payment_intent_id) then
      perform credits.lock_payment_intent(payment_intent_id);
    end if;
  end loop;

  user_ids := array(
    select (credits.transaction_of(e.event)).user_id
    from jsonb_array_elements(record_stripe_events.events) as e (event)
  );
  perform from credits.accounts as a where a.user_id = any(user_ids) order by a.user_id for no key update;

  for event in
    select distinct on (e.event ->> 'id') e.event
    from jsonb_array_elements(record_stripe_events.events) with ordinality as e (event, position)
    order by e.event ->> 'id', e.position
  loop
    verdict := credits.receive_event(event);
    verdicts := verdicts || jsonb_build_object(
      event ->> 'id',
      jsonb_build_object(
        'id', event ->> 'id',
        'outcome', verdict.outcome,
        'reason', verdict.reason,
        'transaction_id', verdict.transaction_id
      )
    );
  end loop;

  return (
    select coalesce(jsonb_agg(verdicts -> (e.event ->> 'id') order by e.position), '[]')
    from jsonb_array_elements(record_stripe_events.events) with ordinality as e (event, position)
  );
end
$$;

comment on function public.record_stripe_events(jsonb) is
'Records events of Stripe, an array of {id, type, created, livemode, api_version, object}, and gives for each, in the '
'same order, {id, outcome, reason, transaction_id}: applied, duplicate, ignored, mismatch, or failed. A failed event '
'did not commit while the others did: answer Stripe 5xx for it and it comes again. Errors: 400 invalid_argument.';
