create function credits.funds_rank(p_funds text)
returns integer
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return array_position(array['untouched', 'withdrawn', 'reinstated'], p_funds);
end
$$;

comment on function credits.funds_rank(text) is
'A dispute''s money only moves up this order, whatever order its events come in.';

create function credits.disputed_minor(p_purchase credits.transactions)
returns bigint
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select least(p_purchase.amount_minor, coalesce(sum(d.amount_minor), 0))::bigint
    from credits.disputes as d
    where d.user_id = p_purchase.user_id and d.transaction_id = p_purchase.id and d.funds = 'withdrawn'
  );
end
$$;

comment on function credits.disputed_minor(credits.transactions) is
'What disputes have taken back of a purchase: from the withdrawal of the money until it is reinstated.';

create function credits.apply_dispute(p_event jsonb, p_purchase credits.transactions)
returns credits.change
language plpgsql
set search_path = ''
as $$
declare
  dispute jsonb := p_event -> 'object';
  happened_at timestamptz := to_timestamp((p_event ->> 'created')::bigint);
  told_funds text := case
    when p_event ->> 'type' = 'charge.dispute.funds_reinstated' then 'reinstated'
    when p_event ->> 'type' = 'charge.dispute.funds_withdrawn' then 'withdrawn'
    when dispute ->> 'status' = 'won' then 'reinstated'
    when dispute ->> 'status' = 'lost' then 'withdrawn'
    else 'untouched'
  end;
  known credits.disputes;
  mismatch text;
begin
  if p_purchase.id is null then
    return row(p_event, 'ignored', 'not_ours', null)::credits.change;
  end if;
  mismatch := credits.reversal_mismatch(p_event, p_purchase, dispute -> 'amount');
  if mismatch is null and dispute ->> 'status' is null then
    mismatch := 'status';
  end if;
  if mismatch is not null then
    return row(p_event, 'mismatch', mismatch, p_purchase)::credits.change;
  end if;

  insert into credits.disputes (id, user_id, transaction_id, amount_minor, status, status_at, reason, created_at)
  values (
    dispute ->> 'id', p_purchase.user_id, p_purchase.id, (dispute ->> 'amount')::bigint, dispute ->> 'status',
    '-infinity', dispute ->> 'reason', to_timestamp(coalesce(dispute ->> 'created', p_event ->> 'created')::bigint)
  )
  on conflict (id) do nothing;
  select d.* into strict known from credits.disputes as d where d.id = dispute ->> 'id';

  if credits.funds_rank(told_funds) > credits.funds_rank(known.funds) then
    known.funds := told_funds;
  end if;
  if (happened_at, dispute ->> 'status' collate "C", (dispute ->> 'amount')::bigint)
    > (known.status_at, known.status collate "C", known.amount_minor)
  then
    known.status_at := happened_at;
    known.status := dispute ->> 'status';
    known.amount_minor := (dispute ->> 'amount')::bigint;
  end if;
  update credits.disputes as d
  set funds = known.funds, status = known.status, status_at = known.status_at, amount_minor = known.amount_minor
  where d.id = known.id;

  p_purchase.disputed_minor := credits.disputed_minor(p_purchase);
  return row(p_event, 'applied', null, p_purchase)::credits.change;
end
$$;

comment on function credits.apply_dispute(jsonb, credits.transactions) is
'Takes over what an event tells of a dispute, its money only forward. An inquiry moves none.';
