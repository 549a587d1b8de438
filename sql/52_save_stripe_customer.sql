create function public.save_stripe_customer(
  user_id uuid,
  livemode boolean,
  customer_id text,
  replaces text default null,
  out stripe_customer_id text
)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set plan_cache_mode = force_generic_plan -- all goes by keys; planning anew takes longer than running it
as $$
#variable_conflict use_column
begin
  if save_stripe_customer.livemode is null or save_stripe_customer.customer_id is null
    or save_stripe_customer.customer_id !~ '^cus_[A-Za-z0-9_]+$' then
    perform credits.fail(400, 'invalid_argument', 'livemode is required and customer_id must be cus_….');
  end if;
  perform credits.lock_account(save_stripe_customer.user_id);

  insert into credits.stripe_customers as c (user_id, livemode, stripe_customer_id)
  values (save_stripe_customer.user_id, save_stripe_customer.livemode, save_stripe_customer.customer_id)
  on conflict (user_id, livemode) do update
  set stripe_customer_id = excluded.stripe_customer_id
  where c.stripe_customer_id = save_stripe_customer.replaces;

  select c.stripe_customer_id into save_stripe_customer.stripe_customer_id
  from credits.stripe_customers as c
  where c.user_id = save_stripe_customer.user_id and c.livemode = save_stripe_customer.livemode;
exception when unique_violation then
  perform credits.fail(409, 'customer_conflict', 'The customer belongs to another user.');
end
$$;

comment on function public.save_stripe_customer(uuid, boolean, text, text) is
'Keeps the Stripe customer of a user and gives the one that counts: the first saved, unless `replaces` names it (a '
'customer that was deleted at Stripe). Errors: 400 invalid_argument, 403 user_not_found, 409 customer_conflict.';
