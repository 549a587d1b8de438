create function public.spend_credits(
  user_id uuid,
  amount numeric,
  idempotency_key text,
  description text,
  metadata jsonb default null,
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
  entry_key constant text := 'spend:' || credits.check_posting(
    spend_credits.amount, spend_credits.idempotency_key, spend_credits.description, spend_credits.metadata
  );
  posted credits.posted;
  entry credits.ledger_entries;
  funds credits.funds;
begin
  posted := credits.post_spend(
    spend_credits.user_id, spend_credits.amount, entry_key, spend_credits.description, spend_credits.metadata
  );
  created := posted.entry_id is not null;
  if not created then
    funds := credits.lock_account(spend_credits.user_id);
    select e.* into entry
    from credits.ledger_entries as e
    where e.user_id = spend_credits.user_id and e.key = entry_key;
    created := not found;
    if created then
      if funds.balance - funds.held < spend_credits.amount then
        perform credits.insufficient(funds, spend_credits.amount);
      end if;
      posted := credits.post_spend(
        spend_credits.user_id, spend_credits.amount, entry_key, spend_credits.description, spend_credits.metadata
      );
    elsif (-entry.amount, entry.description, entry.metadata)
      is distinct from (spend_credits.amount, spend_credits.description, spend_credits.metadata) then
      perform credits.key_reused('spend');
    end if;
  end if;
  entry_id := coalesce(posted.entry_id, entry.id);
  balance := credits.shown(coalesce(posted.balance, entry.balance_after));
end
$$;

comment on function public.spend_credits(uuid, numeric, text, text, jsonb) is
'Takes credits for usage. The same idempotency_key and arguments give the same answer again (created is false) and '
'take nothing. description and metadata, an object, are shown in the user''s history. Errors: 400 invalid_argument, '
'402 insufficient_credits (hint is JSON: {balance, available, shortfall}), 403 user_not_found, 409 '
'idempotency_key_reused.';
