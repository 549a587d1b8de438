create function public.grant_credits(
  user_id uuid,
  amount numeric,
  reason text,
  idempotency_key text,
  expires_at timestamptz default null,
  priority integer default 50,
  out entry_id bigint,
  out balance numeric,
  out created boolean
)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set plan_cache_mode = force_generic_plan -- all goes by keys; planning anew takes longer than running it
as $$
#variable_conflict use_column
declare
  entry_key constant text := 'grant:' || grant_credits.idempotency_key;
  expiry constant timestamptz := coalesce(grant_credits.expires_at, 'infinity');
  entry credits.ledger_entries;
  posted credits.posted;
begin
  perform credits.check_posting(grant_credits.amount, grant_credits.idempotency_key, grant_credits.reason);
  if grant_credits.priority is null or grant_credits.priority not between 0 and 100 then
    perform credits.fail(400, 'invalid_argument', 'priority must be between 0, spent first, and 100.');
  end if;
  perform credits.lock_account(grant_credits.user_id);

  select e.* into entry
  from credits.ledger_entries as e
  where e.user_id = grant_credits.user_id and e.key = entry_key;
  created := not found;
  if created then
    if expiry <= now() then
      perform credits.fail(400, 'invalid_argument', 'expires_at must be in the future.');
    end if;
    select p.* into posted
    from credits.open_lots(array[
      row(
        grant_credits.user_id, 'grant', grant_credits.amount, entry_key, grant_credits.reason, null, expiry,
        grant_credits.priority
      )::credits.opening
    ]) as p;
    update credits.accounts as a
    set due_at = expiry
    where a.user_id = grant_credits.user_id and a.due_at > expiry;
  elsif not exists (
    select
    from credits.lots as l
    where l.user_id = entry.user_id and l.id = entry.id
      and (entry.amount, entry.description, l.expires_at, l.priority)
      = (grant_credits.amount, grant_credits.reason, expiry, grant_credits.priority)
  ) then
    perform credits.key_reused('grant');
  end if;
  entry_id := coalesce(posted.entry_id, entry.id);
  balance := credits.shown(coalesce(posted.balance, entry.balance_after));
exception when numeric_value_out_of_range then
  perform credits.fail(400, 'invalid_argument', 'The balance would be larger than a balance can be.');
end
$$;

comment on function public.grant_credits(uuid, numeric, text, text, timestamptz, integer) is
'Gives a user credits without a payment: a promotion, support, a balance brought from another system. They can expire, '
'and a lower priority (0 to 100) is spent before a higher one. The same idempotency_key and arguments give the same '
'answer again (created is false). Errors: 400 invalid_argument, 403 user_not_found, 409 idempotency_key_reused.';
