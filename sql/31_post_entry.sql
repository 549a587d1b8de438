create function credits.post_entry(
  p_user_id uuid,
  p_kind text,
  p_amount numeric,
  p_key text,
  p_description text,
  p_lots jsonb default null,
  p_transaction_id uuid default null,
  p_spend_id bigint default null,
  p_metadata jsonb default null,
  p_expires_at timestamptz default 'infinity',
  p_priority integer default 50
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
    set
      balance = balance + p_amount,
      last_entry_at = greatest(clock_timestamp(), last_entry_at + interval '1 microsecond')
    where user_id = p_user_id
    returning balance, last_entry_at
  ),

  lots as (
    update credits.lots
    set remaining = remaining + (p_lots ->> id::text)::numeric
    where user_id = p_user_id and id = any(array(select k.lot_id::bigint from jsonb_object_keys(p_lots) as k (lot_id)))
  )

  insert into credits.ledger_entries (
    user_id, kind, amount, balance_after, transaction_id, spend_id, lots, description, metadata, key, created_at
  )
  select
    p_user_id, p_kind, p_amount, account.balance, p_transaction_id, p_spend_id, p_lots, p_description, p_metadata,
    p_key, account.last_entry_at
  from account
  returning * into strict entry;

  if p_lots is null then
    insert into credits.lots (user_id, id, transaction_id, remaining, expires_at, priority)
    values (p_user_id, entry.id, p_transaction_id, p_amount, p_expires_at, p_priority);
  end if;
  return entry;
end
$$;

comment on function
credits.post_entry(uuid, text, numeric, text, text, jsonb, uuid, bigint, jsonb, timestamptz, integer) is
'Moves a balance and the lots it consists of, and writes the ledger entry that says so: the only code that writes '
'any of them. p_lots says how much of the amount goes to which lot; without it the entry opens a lot of its own. The '
'key makes the entry happen once; posting it again raises unique_violation.';
