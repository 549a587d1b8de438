create function credits.apply_event(p_event jsonb, p_purchase credits.transactions)
returns credits.change
language plpgsql
set search_path = ''
as $$
declare
  event_type constant text := p_event ->> 'type';
begin
  if p_event ? 'malformed' or jsonb_typeof(p_event -> 'created') is distinct from 'number' then
    return row(p_event, 'mismatch', 'malformed', null)::credits.change;
  elsif event_type in (
    'payment_intent.created', 'payment_intent.requires_action', 'payment_intent.processing',
    'payment_intent.payment_failed', 'payment_intent.canceled', 'payment_intent.succeeded'
  ) then
    return credits.apply_payment(p_event, p_purchase);
  elsif event_type in ('refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated') then
    return credits.apply_refund(p_event, p_purchase);
  elsif event_type = 'charge.refunded' then
    return credits.apply_charge_refunded(p_event, p_purchase);
  elsif event_type in (
    'charge.dispute.created', 'charge.dispute.updated', 'charge.dispute.closed',
    'charge.dispute.funds_withdrawn', 'charge.dispute.funds_reinstated'
  ) then
    return credits.apply_dispute(p_event, p_purchase);
  end if;
  return row(p_event, 'ignored', 'type', null)::credits.change;
end
$$;

comment on function credits.apply_event(jsonb, credits.transactions) is
'Gives an event to the function that knows its type. No other type is of concern. What it gives back is the purchase '
'with the facts as they are now, for credits.settle to store.';
