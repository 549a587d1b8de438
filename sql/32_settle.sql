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

create function credits.settle(p_purchase credits.transactions, p_cause text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  target credits.entitlement := credits.entitlement_of(p_purchase);
  movement record;
begin
  for movement in
    select m.*
    from (values
      ('purchase', target.purchased - p_purchase.credits_purchased, p_purchase.description),
      ('refund', p_purchase.credits_refunded - target.refunded,
        case when target.refunded > p_purchase.credits_refunded then 'Refund of ' else 'Failed refund of ' end
        || p_purchase.description),
      ('dispute', p_purchase.credits_disputed - target.disputed,
        case when target.disputed > p_purchase.credits_disputed then 'Dispute of ' else 'Reinstated dispute of ' end
        || p_purchase.description)
    ) as m (kind, amount, description)
    where m.amount <> 0
  loop
    perform credits.post_entry(
      p_purchase.user_id, movement.kind, movement.amount, p_cause || ':' || movement.kind, movement.description,
      p_lots => (
        select jsonb_build_object(l.id, trim_scale(movement.amount))
        from credits.lots as l
        where l.user_id = p_purchase.user_id and l.transaction_id = p_purchase.id
      ),
      p_transaction_id => p_purchase.id
    );
  end loop;

  update credits.transactions
  set
    payment_state = p_purchase.payment_state,
    payment_state_at = p_purchase.payment_state_at,
    payment_event_id = p_purchase.payment_event_id,
    failure_code = p_purchase.failure_code,
    failure_message = p_purchase.failure_message,
    refunded_minor = p_purchase.refunded_minor,
    disputed_minor = p_purchase.disputed_minor,
    charge_refunded_minor = p_purchase.charge_refunded_minor,
    charge_refunded_at = p_purchase.charge_refunded_at,
    credits_purchased = target.purchased,
    credits_refunded = target.refunded,
    credits_disputed = target.disputed,
    updated_at = now()
  where id = p_purchase.id;
end
$$;

comment on function credits.settle(credits.transactions, text) is
'Stores a purchase''s facts and posts the difference between what they entitle the user to and what the ledger '
'already says. It all goes to the purchase''s own lot, below zero where that was spent: so neither the order of the '
'facts nor what else the user has leaves a trace.';
