create function credits.share(p_credits numeric, p_part_minor bigint, p_amount_minor bigint)
returns numeric
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return div(p_credits * 1000000 * least(p_part_minor, p_amount_minor), p_amount_minor) * 0.000001;
end
$$;

comment on function credits.share(numeric, bigint, bigint) is
'The credits that stand for a part of the price. Always cut from a cumulative part, never from a step, so that steps '
'which add up to the price add up to the credits.';

create type credits.entitlement as (purchased numeric, refunded numeric, disputed numeric);

create function credits.entitlement_of(p_purchase credits.transactions)
returns credits.entitlement
language plpgsql
immutable
set search_path = ''
as $$
declare
  refunded numeric;
begin
  if p_purchase.payment_state <> 'succeeded' then
    return row(0, 0, 0)::credits.entitlement;
  end if;
  refunded := credits.share(p_purchase.credits, p_purchase.refunded_minor, p_purchase.amount_minor);
  return row(
    p_purchase.credits,
    refunded,
    credits.share(
      p_purchase.credits, p_purchase.refunded_minor + p_purchase.disputed_minor, p_purchase.amount_minor
    ) - refunded
  )::credits.entitlement;
end
$$;

comment on function credits.entitlement_of(credits.transactions) is
'What a purchase''s facts entitle the user to: nothing until it is paid, then its credits less the refunded and the '
'disputed share. A function of the facts alone, so the order in which they became known leaves no trace.';

create type credits.settlement as (
  cause text,
  purchase credits.transactions,
  purchased numeric,
  refunded numeric,
  disputed numeric
);

create function credits.settlement_of(p_purchase credits.transactions, p_cause text)
returns credits.settlement
language plpgsql
immutable
set search_path = ''
as $$
declare
  target constant credits.entitlement := credits.entitlement_of(p_purchase);
  settlement credits.settlement;
begin
  settlement.cause := p_cause;
  settlement.purchased := target.purchased - p_purchase.credits_purchased;
  settlement.refunded := p_purchase.credits_refunded - target.refunded;
  settlement.disputed := p_purchase.credits_disputed - target.disputed;
  p_purchase.credits_purchased := target.purchased;
  p_purchase.credits_refunded := target.refunded;
  p_purchase.credits_disputed := target.disputed;
  settlement.purchase := p_purchase;
  return settlement;
end
$$;

comment on function credits.settlement_of(credits.transactions, text) is
'The difference between what a purchase''s facts entitle the user to and what the ledger says already: the credits to '
'post for each kind, and the purchase as it is once they are posted.';

create function credits.settle(p_settlements credits.settlement[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  movement record;
begin
  perform credits.open_lots(array(
    select
      row(
        (s.purchase).user_id, 'purchase', s.purchased, s.cause || ':purchase', (s.purchase).description,
        (s.purchase).id, 'infinity', 50
      )::credits.opening
    from unnest(p_settlements) as s
    where s.purchased <> 0
  ));

  for movement in
    select (s.purchase).user_id, (s.purchase).id as transaction_id, s.cause, m.kind, m.amount, m.description, l.id as lot_id
    from unnest(p_settlements) as s
    cross join lateral (values
      ('refund', s.refunded, case when s.refunded < 0 then 'Refund of ' else 'Failed refund of ' end
        || (s.purchase).description),
      ('dispute', s.disputed, case when s.disputed < 0 then 'Dispute of ' else 'Reinstated dispute of ' end
        || (s.purchase).description)
    ) as m (kind, amount, description)
    left join credits.lots as l on l.user_id = (s.purchase).user_id and l.transaction_id = (s.purchase).id
    where m.amount <> 0
  loop
    perform credits.post_entry(
      movement.user_id, movement.kind, movement.amount, movement.cause || ':' || movement.kind, movement.description,
      credits.move_lots(movement.user_id, jsonb_build_object(movement.lot_id, trim_scale(movement.amount))),
      p_transaction_id => movement.transaction_id
    );
  end loop;

  update credits.transactions as t
  set
    payment_state = (s.purchase).payment_state,
    payment_state_at = (s.purchase).payment_state_at,
    payment_event_id = (s.purchase).payment_event_id,
    failure_code = (s.purchase).failure_code,
    failure_message = (s.purchase).failure_message,
    refunded_minor = (s.purchase).refunded_minor,
    disputed_minor = (s.purchase).disputed_minor,
    charge_refunded_minor = (s.purchase).charge_refunded_minor,
    charge_refunded_at = (s.purchase).charge_refunded_at,
    credits_purchased = (s.purchase).credits_purchased,
    credits_refunded = (s.purchase).credits_refunded,
    credits_disputed = (s.purchase).credits_disputed,
    updated_at = now()
  from unnest(p_settlements) as s
  where t.id = (s.purchase).id;
end
$$;

comment on function credits.settle(credits.settlement[]) is
'Stores the facts of purchases, no two of one user, and posts what they change, all of it to the purchase''s own lot, '
'below zero where that was spent: so neither the order of the facts nor what else the user has leaves a trace.';
