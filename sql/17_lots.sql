create table credits.lots (
  user_id uuid not null references credits.accounts (user_id) on delete restrict,
  id bigint not null,
  transaction_id uuid,
  remaining numeric(20, 6) not null,
  expires_at timestamptz not null default 'infinity',
  priority smallint not null default 50,
  is_open boolean not null generated always as (remaining > 0) stored,
  primary key (user_id, id),
  constraint lots_are_opened_by_an_entry
  foreign key (user_id, id) references credits.ledger_entries (user_id, id) on delete restrict,
  constraint lots_belong_to_the_users_purchase
  foreign key (user_id, transaction_id) references credits.transactions (user_id, id) on delete restrict,
  constraint lots_of_a_purchase_do_not_expire check (transaction_id is null or expires_at = 'infinity'),
  constraint lots_priority_is_within_range check (priority between 0 and 100)
)
with (fillfactor = 50);

-- is_open stands for `remaining > 0`, so that taking a part of a lot touches no index.
create index lots_to_spend on credits.lots (user_id, expires_at, priority, id) where is_open;

create unique index lots_of_a_purchase_are_one on credits.lots (user_id, transaction_id)
where transaction_id is not null;

alter table credits.lots enable row level security;

create policy "Users can see their own lots" on credits.lots
for select to authenticated
using ((select auth.uid()) = user_id);

comment on table credits.lots is
'Credits that came together, by one purchase or grant, and what is left of them. A balance is the sum of its lots.';
comment on column credits.lots.id is 'The ledger entry that opened the lot.';
comment on column credits.lots.remaining is
'What was given, less what was taken. Below zero, in the lot of a purchase, it is the debt of a payment that was taken '
'back after its credits were spent; no other lot pays for it until somebody pays.';
comment on column credits.lots.priority is 'Among lots that expire together, the lower is spent first; then the older.';
