create table credits.holds (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references credits.accounts (user_id) on delete restrict,
  amount numeric(20, 6) not null,
  status text not null default 'open',
  idempotency_key text not null,
  description text not null,
  metadata jsonb,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  constraint holds_idempotency_key_is_one unique (user_id, idempotency_key),
  constraint holds_amount_is_positive check (amount > 0 and amount <> 'NaN'),
  constraint holds_status_is_known check (status in ('open', 'captured', 'released', 'expired')),
  constraint holds_expire_after_they_began check (expires_at > created_at)
)
with (fillfactor = 70);

create index holds_open on credits.holds (user_id, expires_at) where status = 'open';

alter table credits.holds enable row level security;

create policy "Users can see their own holds" on credits.holds
for select to authenticated
using ((select auth.uid()) = user_id);

comment on table credits.holds is 'Credits reserved for work whose price is not known yet.';
comment on column credits.holds.status is
'open until it is captured (a ledger entry took what was used), released, or expired. An open one whose time has come '
'counts for nothing, even before somebody has marked it.';
