create function credits.post_entry(
  p_user_id uuid,
  p_kind text,
  p_amount numeric,
  p_key text,
  p_description text,
  p_transaction_id uuid default null
)
returns credits.ledger_entries
language plpgsql
set search_path = ''
as $$
declare
  entry credits.ledger_entries;
begin
  with account as (
    update credits.accounts
    set balance = balance + p_amount
    where user_id = p_user_id
    returning balance
  )
  insert into credits.ledger_entries (user_id, kind, amount, balance_after, transaction_id, description, key)
  select p_user_id, p_kind, p_amount, account.balance, p_transaction_id, p_description, p_key
  from account
  returning * into strict entry;
  return entry;
end
$$;

comment on function credits.post_entry(uuid, text, numeric, text, text, uuid) is
'Moves a balance and writes its ledger entry, in one statement: the only code that writes either. The key makes the '
'entry happen once; posting it again raises unique_violation.';
