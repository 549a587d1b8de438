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

create function credits.store_events(p_changes credits.change[], p_again boolean)
returns text[]
language plpgsql
set search_path = ''
as $$
declare
  stored text[];
begin
  with event as (
    insert into credits.stripe_events as known (
      id, type, livemode, api_version, created_at, outcome, reason, user_id, transaction_id, payload
    )
    select
      c.event ->> 'id', c.event ->> 'type',
      case jsonb_typeof(c.event -> 'livemode') when 'boolean' then (c.event ->> 'livemode')::boolean end,
      c.event ->> 'api_version',
      case
        when c.event @? '$.created ? (@ >= 0 && @ < 10000000000)' then to_timestamp((c.event ->> 'created')::numeric)
      end,
      c.outcome, c.reason, (c.purchase).user_id, (c.purchase).id,
      case
        when (select a.auth_user_id is null from credits.accounts as a where a.user_id = (c.purchase).user_id)
          then credits.without_person(c.event)
        else c.event
      end
    from unnest(p_changes) as c
    order by c.event ->> 'id'
    on conflict (id) do update set
      outcome = excluded.outcome,
      reason = excluded.reason,
      user_id = excluded.user_id,
      transaction_id = excluded.transaction_id,
      attempts = known.attempts + 1
    where known.outcome = 'failed' or p_again
    returning id
  )

  select array_agg(e.id) into stored
  from event as e;
  return stored;
end
$$;

comment on function credits.store_events(credits.change[], boolean) is
'Stores events with what became of them, and gives the ids of those that were not stored before.';

create type credits.verdict as (event_id text, outcome text, reason text, transaction_id uuid);

create function credits.receive_events(p_events jsonb[], p_again boolean default false)
returns credits.verdict[]
language plpgsql
set search_path = ''
set enable_seqscan = off -- these four as for open_lots: planned once, by the keys
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  incoming record;
  purchase credits.transactions;
  change credits.change;
  changes credits.change[];
  settlements credits.settlement[];
  stored text[];
  event jsonb;
  verdicts credits.verdict[];
begin
  begin
    for incoming in
      select p.event, p.purchase
      from credits.purchases_of(p_events) as p
      where p_again or not exists (
        select from credits.stripe_events as k where k.id = p.event ->> 'id' and k.outcome <> 'failed'
      )
    loop
      purchase := incoming.purchase;
      change := credits.apply_event(incoming.event, purchase);
      changes := changes || change;
      if change.outcome = 'applied' then
        settlements := settlements || credits.settlement_of(change.purchase, incoming.event ->> 'id');
      end if;
    end loop;
    if settlements is not null then
      perform credits.settle(settlements);
    end if;
    if changes is not null then
      stored := credits.store_events(changes, p_again);
    end if;
    perform credits.tie_payment_intent((c.purchase).id, credits.payment_intent_of(c.event))
    from unnest(changes) as c
    where c.outcome = 'applied' and (c.purchase).stripe_payment_intent_id is null;
  exception when others then
    if cardinality(p_events) > 1 then
      foreach event in array p_events loop
        verdicts := verdicts || credits.receive_events(array[event], p_again);
      end loop;
      return verdicts;
    end if;
    changes := array[row(p_events[1], 'failed', sqlstate || ' ' || sqlerrm, null)::credits.change];
    stored := credits.store_events(changes, p_again);
  end;

  return array(
    select row(e.event ->> 'id', coalesce(c.outcome, 'duplicate'), c.reason, (c.purchase).id)::credits.verdict
    from unnest(p_events) as e (event)
    left join unnest(changes) as c on c.event ->> 'id' = e.event ->> 'id' and c.event ->> 'id' = any(stored)
  );
end
$$;

comment on function credits.receive_events(jsonb[], boolean) is
'Applies events, no two of one user, together in one subtransaction, and stores them with what became of them. If '
'something fails, each alone, so that only what is to blame does. Facts are monotone, so an event that two calls apply '
'at once changes nothing the second time. p_again takes events again that were ignored. The accounts are locked.';
