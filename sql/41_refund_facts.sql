create function credits.reversal_mismatch(p_event jsonb, p_purchase credits.transactions, p_amount jsonb)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when p_event -> 'livemode' is distinct from to_jsonb(p_purchase.livemode) then 'livemode'
    when p_event #>> '{object,currency}' is distinct from p_purchase.currency then 'currency'
    when jsonb_typeof(p_amount) is distinct from 'number' or p_amount::numeric <= 0 then 'amount'
  end;
end
$$;

comment on function credits.reversal_mismatch(jsonb, credits.transactions, jsonb) is
'Why a refund or dispute event does not fit the purchase of its PaymentIntent; null where it fits.';

create function credits.refund_rank(p_status text)
returns integer
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return array_position(array['pending', 'requires_action', 'succeeded', 'canceled', 'failed'], p_status);
end
$$;

comment on function credits.refund_rank(text) is
'A refund only moves up this order, whatever order its events come in.';

create function credits.refunded_minor(p_purchase credits.transactions)
returns bigint
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select least(
      p_purchase.amount_minor,
      greatest(
        coalesce(sum(r.amount_minor) filter (where r.status not in ('failed', 'canceled')), 0),
        p_purchase.charge_refunded_minor - coalesce(sum(r.amount_minor) filter (
          where r.status in ('failed', 'canceled') and r.status_at >= p_purchase.charge_refunded_at
        ), 0)
      )
    )::bigint
    from credits.refunds as r
    where r.user_id = p_purchase.user_id and r.transaction_id = p_purchase.id
  );
end
$$;

comment on function credits.refunded_minor(credits.transactions) is
'What refunds have taken back of a purchase. A refund counts from its creation, as Stripe takes the money then, until '
'it fails or is canceled. The charge''s own cumulative amount counts where it tells more, less what has failed since.';

create function credits.apply_refund(p_event jsonb, p_purchase credits.transactions)
returns credits.change
language plpgsql
set search_path = ''
as $$
declare
  refund jsonb := p_event -> 'object';
  new_status text := coalesce(refund ->> 'status', 'pending');
  mismatch text;
begin
  if p_purchase.id is null then
    return row(p_event, 'ignored', 'not_ours', null)::credits.change;
  end if;
  mismatch := credits.reversal_mismatch(p_event, p_purchase, refund -> 'amount');
  if mismatch is null and credits.refund_rank(new_status) is null then
    mismatch := 'status';
  end if;
  if mismatch is not null then
    return row(p_event, 'mismatch', mismatch, p_purchase)::credits.change;
  end if;

  insert into credits.refunds as known (
    id, user_id, transaction_id, amount_minor, status, status_at, reason, failure_reason, created_at
  )
  values (
    refund ->> 'id', p_purchase.user_id, p_purchase.id, (refund ->> 'amount')::bigint, new_status,
    to_timestamp((p_event ->> 'created')::bigint), refund ->> 'reason', refund ->> 'failure_reason',
    to_timestamp(coalesce(refund ->> 'created', p_event ->> 'created')::bigint)
  )
  on conflict (id) do update set
    status = excluded.status,
    status_at = case known.status
      when excluded.status then least(known.status_at, excluded.status_at) else excluded.status_at
    end,
    failure_reason = coalesce(excluded.failure_reason, known.failure_reason)
  where credits.refund_rank(excluded.status) >= credits.refund_rank(known.status);

  p_purchase.refunded_minor := credits.refunded_minor(p_purchase);
  return row(p_event, 'applied', null, p_purchase)::credits.change;
end
$$;

comment on function credits.apply_refund(jsonb, credits.transactions) is
'Moves one refund forward to the state that an event tells, and counts what refunds have taken back of its purchase.';

create function credits.apply_charge_refunded(p_event jsonb, p_purchase credits.transactions)
returns credits.change
language plpgsql
set search_path = ''
as $$
declare
  charge jsonb := p_event -> 'object';
  happened_at timestamptz := to_timestamp((p_event ->> 'created')::bigint);
  mismatch text;
begin
  if p_purchase.id is null then
    return row(p_event, 'ignored', 'not_ours', null)::credits.change;
  end if;
  mismatch := credits.reversal_mismatch(p_event, p_purchase, charge -> 'amount_refunded');
  if mismatch is not null then
    return row(p_event, 'mismatch', mismatch, p_purchase)::credits.change;
  end if;

  if (happened_at, (charge ->> 'amount_refunded')::bigint)
    > (p_purchase.charge_refunded_at, p_purchase.charge_refunded_minor)
  then
    p_purchase.charge_refunded_at := happened_at;
    p_purchase.charge_refunded_minor := (charge ->> 'amount_refunded')::bigint;
  end if;
  p_purchase.refunded_minor := credits.refunded_minor(p_purchase);
  return row(p_event, 'applied', null, p_purchase)::credits.change;
end
$$;

comment on function credits.apply_charge_refunded(jsonb, credits.transactions) is
'Takes over the cumulative refund of a charge: the safety net where refund events do not come.';
