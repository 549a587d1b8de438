create function public.close_credit_purchase(transaction_id uuid, out status text)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
#variable_conflict use_column
declare
  purchase credits.transactions;
begin
  perform
  from credits.accounts as a
  where a.user_id = (select t.user_id from credits.transactions as t where t.id = close_credit_purchase.transaction_id)
  for no key update;
  select t.* into purchase
  from credits.transactions as t
  where t.id = close_credit_purchase.transaction_id;
  if not found then
    perform credits.fail(404, 'transaction_not_found', 'There is no such purchase.');
  elsif purchase.stripe_payment_intent_id is not null then
    perform credits.fail(
      409, 'purchase_has_payment_intent', 'The purchase has a PaymentIntent.',
      'Cancel it at Stripe; its event closes the purchase.'
    );
  end if;

  update credits.transactions as t
  set payment_state = 'canceled', payment_state_at = now(), failure_code = 'abandoned', updated_at = now()
  where t.id = purchase.id and t.payment_state = 'pending'
  returning t.status into close_credit_purchase.status;
  close_credit_purchase.status := coalesce(close_credit_purchase.status, purchase.status);
end
$$;

comment on function public.close_credit_purchase(uuid) is
'Cancels a purchase that never got a PaymentIntent, so nobody can pay it. Again changes nothing. Errors: '
'404 transaction_not_found, 409 purchase_has_payment_intent.';
