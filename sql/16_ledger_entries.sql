-- One function instead of a check for each rule: a check is read anew from its text at every insert.
create function credits.fits_kind(p_kind text, p_transaction_id uuid, p_spend_id bigint, p_lots jsonb)
returns boolean
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
begin
  return p_kind in ('purchase', 'refund', 'dispute', 'grant', 'spend', 'spend_refund', 'expiry')
    and (p_transaction_id is not null) = (p_kind in ('purchase', 'refund', 'dispute'))
    and (p_spend_id is not null) = (p_kind = 'spend_refund')
    and (p_lots is null) = (p_kind in ('purchase', 'grant'));
end
$$;

comment on function credits.fits_kind(text, uuid, bigint, jsonb) is
'Whether a ledger entry names what its kind has: purchase, refund and dispute their purchase, a spend_refund its '
'spend, and all but those that open a lot of their own (purchase, grant) the lots they move.';

-- No foreign key to accounts, which would lock each account row once more: credits.post_entry inserts from the
-- account's own update, and lots, of which every account with entries has one, keep it from being deleted.
create table credits.ledger_entries (
  id bigint generated always as identity,
  user_id uuid not null,
  kind text not null,
  amount numeric(20, 6) not null,
  balance_after numeric(20, 6) not null,
  transaction_id uuid,
  spend_id bigint,
  lots jsonb,
  description text not null,
  metadata jsonb,
  key text not null,
  created_at timestamptz not null,
  primary key (user_id, id),
  constraint ledger_entries_key_is_one unique (user_id, key),
  constraint ledger_entries_created_at_is_one unique (user_id, created_at),
  constraint ledger_entries_belong_to_the_users_purchase
  foreign key (user_id, transaction_id) references credits.transactions (user_id, id) on delete restrict,
  constraint ledger_entries_refund_is_of_the_users_spend
  foreign key (user_id, spend_id) references credits.ledger_entries (user_id, id) on delete restrict,
  constraint ledger_entries_fit_their_kind check (credits.fits_kind(kind, transaction_id, spend_id, lots)),
  constraint ledger_entries_amount_moves_the_balance check (amount <> 0 and amount <> 'NaN')
);

-- A planner who takes an account for one with a single entry, as most are in a young table, may look a key up by
-- reading all entries of the account.
alter table credits.ledger_entries alter column user_id set (n_distinct = -0.05);

create index ledger_entries_by_kind on credits.ledger_entries (user_id, kind, created_at) where kind <> 'spend';
create index ledger_entries_refunds_of_spend on credits.ledger_entries (user_id, spend_id) where spend_id is not null;

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
'Every change of a balance, append-only, in the order in which it happened. Written by 31_post_entry.sql alone.';
comment on column credits.ledger_entries.amount is 'Credits, signed: what the balance moved by.';
comment on column credits.ledger_entries.balance_after is 'The user''s balance once this entry was posted.';
comment on column credits.ledger_entries.spend_id is 'The spend that a spend_refund gives back.';
comment on column credits.ledger_entries.lots is
'What the entry took from which lots, or gave back to them: {"lot id": signed credits}, in sum the amount. Null where '
'the entry opened a lot of its own.';
comment on column credits.ledger_entries.metadata is 'The app''s own notes, an object. The user can read them.';
comment on column credits.ledger_entries.key is
'What makes the entry happen once: the event or request that caused it.';
comment on column credits.ledger_entries.created_at is
'When it was posted. Rises with id within an account, so history pages by it alone.';
