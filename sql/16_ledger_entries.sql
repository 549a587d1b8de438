create table credits.ledger_entries (
  id bigint generated always as identity,
  user_id uuid not null references credits.accounts (user_id) on delete restrict,
  kind text not null,
  amount numeric(20, 6) not null,
  balance_after numeric(20, 6) not null,
  transaction_id uuid,
  description text not null,
  key text not null,
  created_at timestamptz not null default now(),
  primary key (user_id, id),
  constraint ledger_entries_key_is_one unique (user_id, key),
  constraint ledger_entries_belong_to_the_users_purchase
  foreign key (user_id, transaction_id) references credits.transactions (user_id, id) on delete restrict,
  constraint ledger_entries_kind_is_known check (kind in ('purchase', 'refund', 'dispute', 'grant')),
  constraint ledger_entries_purchase_is_named check (
    (kind in ('purchase', 'refund', 'dispute')) = (transaction_id is not null)
  ),
  constraint ledger_entries_amount_moves_the_balance check (amount <> 0 and amount <> 'NaN')
);

alter table credits.ledger_entries enable row level security;

create policy "Users can see their own ledger" on credits.ledger_entries
for select to authenticated
using ((select auth.uid()) = user_id);

create function credits.refuse_ledger_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception 'credits.ledger_entries is append-only: post an entry that corrects it instead of a %', tg_op
    using errcode = 'restrict_violation';
end
$$;

create trigger ledger_entries_are_append_only
before update or delete or truncate on credits.ledger_entries
for each statement execute function credits.refuse_ledger_change();

comment on table credits.ledger_entries is
'Every change of a balance, append-only, in the order in which it happened. Written by credits.post_entry alone.';
comment on column credits.ledger_entries.amount is 'Credits, signed: what the balance moved by.';
comment on column credits.ledger_entries.balance_after is 'The user''s balance once this entry was posted.';
comment on column credits.ledger_entries.key is
'What makes the entry happen once: the event or request that caused it.';
