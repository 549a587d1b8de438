create type credits.posted as (entry_id bigint, balance numeric);

create function credits.post_entry(
  p_user_id uuid,
  p_kind text,
  p_amount numeric,
  p_key text,
  p_description text,
  p_lots jsonb,
  p_transaction_id uuid default null,
  p_spend_id bigint default null,
  p_metadata jsonb default null
)
returns credits.posted
language plpgsql
set search_path = ''
as $$
declare
  posted credits.posted;
  posted_at timestamptz;
begin
  update credits.accounts
  set
    balance = balance + p_amount,
    last_entry_at = greatest(clock_timestamp(), last_entry_at + interval '1 microsecond')
  where user_id = p_user_id
  returning balance, last_entry_at into strict posted.balance, posted_at;

  insert into credits.ledger_entries (
    user_id, kind, amount, balance_after, transaction_id, spend_id, lots, description, metadata, key, created_at
  )
  values (
    p_user_id, p_kind, p_amount, posted.balance, p_transaction_id, p_spend_id, p_lots, p_description, p_metadata,
    p_key, posted_at
  )
  returning id into posted.entry_id;
  return posted;
end
$$;

comment on function
credits.post_entry(uuid, text, numeric, text, text, jsonb, uuid, bigint, jsonb) is
'Moves a balance and writes the ledger entry that says so. p_lots says how much of the amount went to which lot: what '
'credits.draw or credits.move_lots gave when they moved them. The key makes the entry happen once; posting it again '
'raises unique_violation. With its two neighbours here the only code that writes a balance.';

create function credits.key_is_used(p_user_id uuid, p_key text)
returns boolean
language plpgsql
volatile -- so that each call sees what is committed by then
set search_path = ''
as $$
begin
  return exists (select from credits.ledger_entries as e where e.user_id = p_user_id and e.key = p_key);
end
$$;

comment on function credits.key_is_used(uuid, text) is 'Whether an entry of the user has this key by now.';

create function credits.post_spend(
  p_user_id uuid, p_amount numeric, p_key text, p_description text, p_metadata jsonb
)
returns credits.posted
language plpgsql
set search_path = ''
as $$
declare
  posted credits.posted;
  posted_at timestamptz;
begin
  -- Lock, questions and payment in one statement: where it had to wait for the lock, Postgres asks all of it again.
  update credits.accounts as a
  set
    balance = a.balance - p_amount,
    last_entry_at = greatest(clock_timestamp(), a.last_entry_at + interval '1 microsecond')
  where a.auth_user_id = p_user_id
    and a.balance - a.held >= p_amount
    and a.due_at > now()
    and not credits.key_is_used(a.user_id, p_key)
  returning a.balance, a.last_entry_at into posted.balance, posted_at;
  if not found then
    return null;
  end if;

  insert into credits.ledger_entries (
    user_id, kind, amount, balance_after, lots, description, metadata, key, created_at
  )
  values (
    p_user_id, 'spend', -p_amount, posted.balance, credits.draw(p_user_id, p_amount), p_description, p_metadata, p_key,
    posted_at
  )
  returning id into posted.entry_id;
  return posted;
end
$$;

comment on function credits.post_spend(uuid, numeric, text, text, jsonb) is
'Spends what is there in one go. Null, and nothing is changed, where there is more to it: no account, not enough, '
'something that lapses first, or a key that is used.';

create type credits.opening as (
  user_id uuid,
  kind text,
  amount numeric,
  key text,
  description text,
  transaction_id uuid,
  expires_at timestamptz,
  priority integer
);

-- Planned once for many calls: by the keys, whatever the size of the tables was when a session began.
create function credits.open_lots(p_openings credits.opening[])
returns setof credits.posted
language plpgsql
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  opened integer;
begin
  return query
  with account as (
    update credits.accounts as a
    set
      balance = a.balance + o.amount,
      last_entry_at = greatest(clock_timestamp(), a.last_entry_at + interval '1 microsecond')
    from unnest(p_openings) as o
    where a.user_id = o.user_id
    returning o.*, a.balance, a.last_entry_at
  ),

  entry as (
    insert into credits.ledger_entries (
      user_id, kind, amount, balance_after, transaction_id, description, key, created_at
    )
    select a.user_id, a.kind, a.amount, a.balance, a.transaction_id, a.description, a.key, a.last_entry_at
    from account as a
    returning user_id, id, balance_after
  ),

  lot as (
    insert into credits.lots (user_id, id, transaction_id, remaining, expires_at, priority)
    select a.user_id, e.id, a.transaction_id, a.amount, a.expires_at, a.priority
    from account as a
    inner join entry as e on a.user_id = e.user_id
  )

  select e.id, e.balance_after
  from entry as e;

  get diagnostics opened = row_count;
  if opened <> cardinality(p_openings) then
    raise no_data_found using message = 'Each opening needs an account of its own.';
  end if;
end
$$;

comment on function credits.open_lots(credits.opening[]) is
'Posts credits that are new, each as a ledger entry and a lot of its own. The accounts are locked, and no two openings '
'are of one user.';
