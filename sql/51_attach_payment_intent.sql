create function public.attach_payment_intent(
  transaction_id uuid,
  payment_intent_id text,
  out stripe_payment_intent_id text,
  out status text
)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set plan_cache_mode = force_generic_plan -- all goes by keys; planning anew takes longer than running it
as $$
#variable_conflict use_column
begin
  if attach_payment_intent.payment_intent_id is null or attach_payment_intent.payment_intent_id !~ '^pi_[A-Za-z0-9_]+$' then
    perform credits.fail(400, 'invalid_argument', 'payment_intent_id must be the id of a PaymentIntent, pi_….');
  end if;

  perform credits.lock_payment_intent(attach_payment_intent.payment_intent_id);
  perform
  from credits.accounts as a
  where a.user_id = (select t.user_id from credits.transactions as t where t.id = attach_payment_intent.transaction_id)
  for no key update;

  perform credits.tie_payment_intent(attach_payment_intent.transaction_id, attach_payment_intent.payment_intent_id);

  select t.stripe_payment_intent_id, t.status
  into attach_payment_intent.stripe_payment_intent_id, attach_payment_intent.status
  from credits.transactions as t
  where t.id = attach_payment_intent.transaction_id;
  if not found then
    perform credits.fail(404, 'transaction_not_found', 'There is no such purchase.');
  elsif attach_payment_intent.stripe_payment_intent_id <> attach_payment_intent.payment_intent_id then
    perform credits.fail(409, 'payment_intent_conflict', 'The purchase has another PaymentIntent.');
  end if;
exception when unique_violation then
  perform credits.fail(409, 'payment_intent_conflict', 'The PaymentIntent belongs to another purchase.');
end
$$;

comment on function public.attach_payment_intent(uuid, text) is
'Ties a purchase to its PaymentIntent, once; again with the same id changes nothing. Errors: 400 invalid_argument, '
'404 transaction_not_found, 409 payment_intent_conflict.';
