create function public.hold_credits(
  user_id uuid,
  amount numeric,
  idempotency_key text,
  expires_in interval,
  description text,
  metadata jsonb default null,
  out hold_id uuid,
  out held numeric,
  out expires_at timestamptz,
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
  lasting interval;
  funds credits.funds;
  hold credits.holds;
begin
  perform credits.check_posting(
    hold_credits.amount, hold_credits.idempotency_key, hold_credits.description, hold_credits.metadata
  );
  if (hold_credits.expires_in between interval '1 second' and interval '30 days') is not true then
    perform credits.fail(400, 'invalid_argument', 'expires_in must be between one second and 30 days.');
  end if;
  -- Without days and months, whose length depends on the session's time zone.
  lasting := make_interval(secs => extract(epoch from hold_credits.expires_in)::double precision);
  funds := credits.lock_account(hold_credits.user_id);

  select h.* into hold
  from credits.holds as h
  where h.user_id = hold_credits.user_id and h.idempotency_key = hold_credits.idempotency_key;
  created := not found;
  if created then
    if funds.balance - funds.held < hold_credits.amount then
      perform credits.insufficient(funds, hold_credits.amount);
    end if;
    insert into credits.holds as h (user_id, amount, idempotency_key, description, metadata, expires_at)
    values (
      hold_credits.user_id, hold_credits.amount, hold_credits.idempotency_key, hold_credits.description,
      hold_credits.metadata, now() + lasting
    )
    returning h.* into hold;
    update credits.accounts as a
    set held = a.held + hold.amount, due_at = least(a.due_at, hold.expires_at)
    where a.user_id = hold.user_id;
  elsif (hold.amount, hold.description, hold.metadata, hold.expires_at - hold.created_at)
    is distinct from (hold_credits.amount, hold_credits.description, hold_credits.metadata, lasting) then
    perform credits.key_reused('hold');
  end if;
  hold_id := hold.id;
  held := credits.shown(hold.amount);
  expires_at := hold.expires_at;
  status := hold.status;
end
$$;

comment on function public.hold_credits(uuid, numeric, text, interval, text, jsonb) is
'Reserves credits for work whose price is not known yet; capture_hold takes what was used, release_hold gives it back, '
'and from expires_in (1 second to 30 days) on it counts for nothing. The same idempotency_key and arguments give the '
'same hold again (created is false; status is open, captured, released or expired). Errors: 400 invalid_argument, '
'402 insufficient_credits (hint is JSON: {balance, available, shortfall}), 403 user_not_found, '
'409 idempotency_key_reused.';
