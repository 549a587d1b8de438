create function credits.tie_payment_intent(p_transaction_id uuid, p_payment_intent_id text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  event jsonb;
  verdicts credits.verdict[];
begin
  update credits.transactions
  set stripe_payment_intent_id = p_payment_intent_id
  where id = p_transaction_id and stripe_payment_intent_id is null;
  if not found then
    return;
  end if;

  for event in
    select e.payload
    from credits.stripe_events as e
    where e.outcome = 'ignored' and e.reason = 'not_ours'
      and e.payload #>> '{object,payment_intent}' = p_payment_intent_id
    order by e.id
  loop
    verdicts := credits.receive_events(array[event], true);
    -- Stripe had its 200 for this one and does not send it again: what makes it ours has to come again instead.
    if verdicts[1].outcome = 'failed' then
      raise exception 'event % cannot be taken up: %', event ->> 'id', verdicts[1].reason;
    end if;
  end loop;
end
$$;

comment on function credits.tie_payment_intent(uuid, text) is
'Gives a purchase its PaymentIntent, unless it has one, and takes the refunds and disputes again that came before '
'anybody could tell whose PaymentIntent they are about. The caller has locked the PaymentIntent and the account.';
