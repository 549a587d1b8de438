create function public.open_credit_purchase(
  user_id uuid,
  package_id uuid,
  livemode boolean,
  idempotency_key text default null,
  payment_method_id text default null,
  out transaction_id uuid,
  out amount_minor bigint,
  out currency text,
  out credits numeric,
  out description text,
  out stripe_customer_id text,
  out stripe_payment_intent_id text,
  out status text,
  out created boolean
)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set plan_cache_mode = force_generic_plan -- all goes by keys; planning anew takes longer than running it
as $$
#variable_conflict use_column
declare
  settings credits.settings;
  package credits.packages;
  purchase credits.transactions;
begin
  if num_nulls(open_credit_purchase.user_id, open_credit_purchase.package_id, open_credit_purchase.livemode) > 0 then
    perform credits.fail(400, 'invalid_argument', 'user_id, package_id and livemode are required.');
  elsif length(open_credit_purchase.idempotency_key) not between 1 and 255 then
    perform credits.fail(400, 'invalid_argument', 'idempotency_key takes 1 to 255 characters.');
  end if;
  perform credits.lock_account(open_credit_purchase.user_id);

  select t.* into purchase
  from credits.transactions as t
  where t.user_id = open_credit_purchase.user_id and t.idempotency_key = open_credit_purchase.idempotency_key;
  created := not found;

  if not created and (
    (purchase.package_id, purchase.livemode) is distinct from (open_credit_purchase.package_id, open_credit_purchase.livemode)
    or purchase.stripe_payment_method_id is distinct from open_credit_purchase.payment_method_id
  ) then
    perform credits.fail(
      409, 'idempotency_key_reused', 'This idempotency key has opened another purchase.', 'Use a new key for a new purchase.'
    );
  end if;

  if created then
    select s.* into settings from credits.settings as s;
    if settings.max_open_purchases <= (
      select count(*)
      from credits.transactions as t
      where t.user_id = open_credit_purchase.user_id
        and t.payment_state not in ('succeeded', 'processing')
        and t.created_at > now() - settings.open_purchase_window
    ) then
      perform credits.fail(
        429, 'too_many_open_purchases', 'Too many unpaid purchases.', 'Pay one that is open, or wait.'
      );
    end if;

    if settings.refuse_disputing_users and exists (
      select
      from credits.disputes as d
      where d.user_id = open_credit_purchase.user_id
        and d.status not in ('won', 'lost', 'warning_closed', 'prevented')
    ) then
      perform credits.fail(403, 'dispute_open', 'A payment of yours is disputed. You can buy again when that is settled.');
    end if;

    select p.* into package
    from credits.packages as p
    where p.id = open_credit_purchase.package_id and p.is_active;
    if not found then
      perform credits.fail(404, 'package_not_found', 'There is no such package on sale.');
    end if;

    insert into credits.transactions as t (
      user_id, package_id, description, amount_minor, currency, credits, livemode,
      idempotency_key, stripe_payment_method_id
    )
    values (
      open_credit_purchase.user_id, package.id, package.name || ' purchase', package.amount_minor, package.currency,
      package.credits, open_credit_purchase.livemode,
      open_credit_purchase.idempotency_key, open_credit_purchase.payment_method_id
    )
    returning t.* into purchase;
  end if;

  transaction_id := purchase.id;
  amount_minor := purchase.amount_minor;
  currency := purchase.currency;
  credits := purchase.credits;
  description := purchase.description;
  stripe_payment_intent_id := purchase.stripe_payment_intent_id;
  status := purchase.status;
  stripe_customer_id := (
    select c.stripe_customer_id
    from credits.stripe_customers as c
    where c.user_id = open_credit_purchase.user_id and c.livemode = open_credit_purchase.livemode
  );
end
$$;

comment on function public.open_credit_purchase(uuid, uuid, boolean, text, text) is
'Opens the purchase of a package at the price and credits that the package has now. The same idempotency_key and '
'arguments give the same purchase again (created is false). Errors: 400 invalid_argument, 403 user_not_found or '
'dispute_open, 404 package_not_found, 409 idempotency_key_reused, 429 too_many_open_purchases.';
