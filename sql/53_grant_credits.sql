create function public.grant_credits(
  user_id uuid,
  amount numeric,
  reason text,
  idempotency_key text,
  out entry_id bigint,
  out balance numeric,
  out created boolean
)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
#variable_conflict use_column
declare
  entry_key constant text := 'grant:' || grant_credits.idempotency_key;
  entry credits.ledger_entries;
begin
  if grant_credits.amount is null or grant_credits.amount <= 0 or grant_credits.amount in ('NaN', 'Infinity')
    or grant_credits.amount >= 1e14 or min_scale(grant_credits.amount) > 6 then
    perform credits.fail(
      400, 'invalid_argument', 'amount must be above zero and below 10^14, with at most six decimals.'
    );
  elsif coalesce(trim(grant_credits.reason), '') = '' then
    perform credits.fail(400, 'invalid_argument', 'reason is required: the user sees it in the history.');
  elsif grant_credits.idempotency_key is null or length(grant_credits.idempotency_key) not between 1 and 255 then
    perform credits.fail(400, 'invalid_argument', 'idempotency_key is required, 1 to 255 characters.');
  end if;
  perform credits.lock_account(grant_credits.user_id);

  select e.* into entry
  from credits.ledger_entries as e
  where e.user_id = grant_credits.user_id and e.key = entry_key;
  created := not found;
  if created then
    entry := credits.post_entry(
      grant_credits.user_id, 'grant', grant_credits.amount, entry_key, grant_credits.reason
    );
  elsif (entry.amount, entry.description) <> (grant_credits.amount, grant_credits.reason) then
    perform credits.fail(
      409, 'idempotency_key_reused', 'This idempotency key has granted something else.', 'Use a new key for a new grant.'
    );
  end if;
  entry_id := entry.id;
  balance := credits.shown(entry.balance_after);
exception when numeric_value_out_of_range then
  perform credits.fail(400, 'invalid_argument', 'The balance would be larger than a balance can be.');
end
$$;

comment on function public.grant_credits(uuid, numeric, text, text) is
'Gives a user credits without a payment. The same idempotency_key and arguments give the same answer again (created is '
'false). Errors: 400 invalid_argument, 403 user_not_found, 409 idempotency_key_reused.';
